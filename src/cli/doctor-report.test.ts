import { describe, expect, it } from 'vitest';
import { fakeHost } from '../doctor/fake-host.ts';
import { reportOn } from './doctor-report.ts';
import { Ended } from './errors.ts';
import { Options } from './options.ts';

const SOCKET = 'unix:///run/davit/davit.sock';

async function report(values: Record<string, string | boolean>, { json = false, socket = SOCKET } = {}) {
  let text = '';
  const stdout = { write: (part: string | Uint8Array) => (text += Buffer.from(part).toString()) };
  const host = fakeHost({ nowMs: 0, files: { '/proc/self/status': 'CapBnd:\t000001ffffffffff\n' } });
  const options = new Options(values);
  const failure = await reportOn(host, { socket, stdout, options, json }).catch((error: unknown) => error);
  return { text, failure };
}

describe('reportOn()', () => {
  it('shows the worst first, each with why and fix, and fails', async () => {
    const { text, failure } = await report({});
    expect(failure).toBeInstanceOf(Ended);
    expect(text).toMatch(/^ERROR {4}kernel {8}the kernel has no .* namespace\n {23}why: .*\n {23}fix: /);
    expect(text).toContain('ERROR    clock         the clock says 1970-01-01');
    expect(text.indexOf('ERROR')).toBeLessThan(text.indexOf('WARNING'));
    expect(text).not.toMatch(/^ok /m);
    expect(text).toMatch(/\n\d+ errors, \d+ warnings?, \d+ notes?; \d+ things fine \(--all shows them\)\n$/);
  });

  it('shows what is fine with --all', async () => {
    expect((await report({ all: true })).text).toMatch(/^ok {7}capabilities {2}root with 41 capabilities$/m);
  });

  it('gives all of it as JSON', async () => {
    const { checks, counts } = JSON.parse((await report({}, { json: true })).text) as {
      checks: { check: string; level: string }[];
      counts: Record<string, number>;
    };
    expect(counts['error']).toBe(checks.filter(({ level }) => level === 'error').length);
    expect(checks).toContainEqual(expect.objectContaining({ check: 'clock', level: 'error' }));
  });

  it('says which davitd it is about when another one was asked for', async () => {
    const { text } = await report({}, { socket: 'unix:///run/other.sock' });
    expect(text).toContain('this is about the davitd of /run/davit/davit.sock, not of /run/other.sock\n');
    expect((await report({}, { socket: '/run/davit/davit.sock' })).text).not.toContain('this is about');
  });

  it('begins with a configuration that cannot be', async () => {
    const { text } = await report({ config: '/no/such/file.toml' });
    expect(text).toMatch(/^ERROR {4}configuration {1}\/no\/such\/file\.toml: cannot be read: ENOENT\n/);
  });
});
