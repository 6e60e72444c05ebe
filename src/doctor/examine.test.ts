import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../config/index.ts';
import { parseVersion } from './containerd-version.ts';
import { CHECKS, examine } from './examine.ts';
import { fakeHost } from './fake-host.ts';
import { realHost } from './real-host.ts';

describe('examine()', () => {
  it('looks at everything on this machine, and says why and what to do where it is not content', async () => {
    const findings = await examine(realHost(), defaultConfig());
    expect([...new Set(findings.map(({ check }) => check))]).toEqual(Object.keys(CHECKS));
    const bad = findings.filter(({ level }) => level === 'warning' || level === 'error');
    expect(bad.filter(({ why, fix }) => why === undefined || fix === undefined)).toEqual([]);
  });

  it('goes on when a look fails', async () => {
    const host = { ...fakeHost(), clockIsKept: () => fail() };
    const findings = await examine(host, defaultConfig());
    expect(findings.find(({ check }) => check === 'clock')).toMatchObject({
      level: 'warning',
      found: 'could not be checked: no such call',
    });
  });
});

describe('parseVersion()', () => {
  it("reads the first field of containerd's reply", () => {
    expect(parseVersion(Buffer.from('\x12\x01r\x0a\x052.4.2'))).toBe('2.4.2');
    expect(parseVersion(Buffer.alloc(0))).toBeUndefined();
  });
});

describe('realHost()', () => {
  it('finds programs by name and by path, where they can be run', () => {
    const host = realHost();
    expect(host.find('sh')).toMatch(/^\/.*\/sh$/);
    expect(host.find(process.execPath)).toBe(process.execPath);
    expect(host.find('/no/such/program')).toBeUndefined();
  });

  it('reads what is there, and takes the rest for empty', async () => {
    const host = realHost();
    expect(await host.text('/no/such/file')).toBe('');
    expect(await host.links('/proc/self/fd')).not.toEqual([]);
    expect((await host.space('/no/such/folder'))?.path).toBe('/');
    expect(await host.run('/no/such/program', [])).toBeUndefined();
    expect(await host.run('sh', ['-c', 'echo out; exit 3'])).toEqual({ code: 3, output: 'out\n' });
  });
});

function fail(): never {
  throw new Error('no such call');
}
