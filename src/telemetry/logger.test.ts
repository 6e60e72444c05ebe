import { describe, expect, it } from 'vitest';
import { createLoggerOn } from './logger.ts';

function capture(): { readonly lines: unknown[]; write(line: string): void } {
  const lines: unknown[] = [];
  return { lines, write: (line) => lines.push(JSON.parse(line)) };
}

describe('createLoggerOn()', () => {
  it('writes JSON with the level by name and an ISO time', () => {
    const out = capture();
    createLoggerOn(out, 'info').info({ sandbox: 'abc' }, 'ready');
    expect(out.lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        sandbox: 'abc',
        msg: 'ready',
      },
    ]);
  });

  it('hides secrets at the top and below', () => {
    const out = capture();
    const secrets = { password: 'hunter2', auth: { username: 'me', password: 'hunter2' }, identityToken: 'hunter2' };
    createLoggerOn(out, 'info').info({ ...secrets, request: secrets, deep: { er: secrets } }, 'pull');
    expect(out.lines).toHaveLength(1);
    expect(JSON.stringify(out.lines)).not.toContain('hunter2');
  });

  it('keeps an error with its cause and its kind', () => {
    const out = capture();
    const error = Object.assign(new Error('outer', { cause: new Error('inner') }), { kind: 'internal' });
    createLoggerOn(out, 'info').error({ err: error }, 'failed');
    expect(out.lines[0]).toMatchObject({ err: { message: expect.stringContaining('outer'), kind: 'internal' } });
    expect(JSON.stringify(out.lines)).toContain('inner');
  });

  it('leaves out lines below its level', () => {
    const out = capture();
    const log = createLoggerOn(out, 'warn');
    log.info('quiet');
    log.child({ subsystem: 'x' }).warn('loud');
    expect(out.lines).toHaveLength(1);
    expect(out.lines[0]).toMatchObject({ subsystem: 'x' });
  });
});
