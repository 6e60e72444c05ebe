import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { EngineError, withContext } from '../engine/index.ts';
import { logCall } from './access-log.ts';

interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The line of a call of ExecSync that has failed. */
function lineOf(error: unknown): Line | undefined {
  const lines: Line[] = [];
  const log = (level: string) => (fields: object) => void lines.push({ level, fields: { ...fields } });
  logCall(
    {
      isLevelEnabled: (level) => level !== 'debug',
      debug: log('debug'),
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
    },
    {
      handler: { path: '/runtime.v1.RuntimeService/ExecSync', access: 'read' },
      id: 1,
      code: status.UNKNOWN,
      durationMs: 1,
      subject: {},
      error,
    },
  );
  return lines[0];
}

describe('logCall()', () => {
  it("says in one warning what a command's runtime has refused, without a stack", () => {
    const refused = Object.assign(new Error('2 UNKNOWN: no such file'), { code: status.UNKNOWN, details: '' });
    const error = withContext(new EngineError('unknown', 'Tasks.Start: no such file', { cause: refused }), 'exec "x"');
    expect(lineOf(error)).toEqual({
      level: 'warn',
      fields: expect.objectContaining({ code: 'UNKNOWN', error: 'exec "x": Tasks.Start: no such file' }),
    });
    expect(lineOf(error)?.fields).not.toHaveProperty('err');
  });

  it('shows the stack of what nobody expected', () => {
    const bug = new TypeError('undefined is not a function');
    const lines = [bug, withContext(bug, 'exec'), new EngineError('internal', 'no spec'), 'thrown'].map(lineOf);
    expect(lines.map((line) => line?.level)).toEqual(['error', 'error', 'error', 'error']);
    expect(lines[1]?.fields['err']).toMatchObject({ message: 'exec: undefined is not a function' });
  });

  it('says nothing of a read of what is gone', () => {
    expect(lineOf(new EngineError('not-found', 'container c'))).toBeUndefined();
  });
});
