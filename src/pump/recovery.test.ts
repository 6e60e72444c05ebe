import { describe, expect, it } from 'vitest';
import { planRecovery } from './recovery.ts';

const TIME = '2023-11-14T22:13:20.123456789Z';
const saved = { stdout: { offset: 100, bytes: 1100, lines: 7 }, stderr: { offset: 0, bytes: 0, lines: 0 } };
const journalSizes = { stdout: 200, stderr: 50 };

function plan(tail: string): ReturnType<typeof planRecovery> {
  return planRecovery({ saved, journalSizes, tail: Buffer.from(tail) });
}

describe('planRecovery()', () => {
  it('stays where it was when the log has nothing new', () => {
    expect(plan('')).toEqual({ positions: saved, wholeBytes: 0, foreignLines: 0 });
  });

  it('counts a full line with its newline and a partial one without', () => {
    const tail = `${TIME} stdout F abc\n${TIME} stdout P de\n${TIME} stderr F \n`;
    expect(plan(tail)).toEqual({
      positions: { stdout: { offset: 106, bytes: 1106, lines: 9 }, stderr: { offset: 1, bytes: 1, lines: 1 } },
      wholeBytes: tail.length,
      foreignLines: 0,
    });
  });

  it('leaves a torn line to be cut and written anew', () => {
    const whole = `${TIME} stdout F abc\n`;
    expect(plan(`${whole}${TIME} stdout F de`)).toMatchObject({
      positions: { stdout: { offset: 104 } },
      wholeBytes: whole.length,
    });
  });

  it('starts an emptied journal at its beginning', () => {
    const { positions } = planRecovery({ saved, journalSizes: { stdout: 0, stderr: 0 }, tail: Buffer.alloc(0) });
    expect(positions.stdout).toEqual({ offset: 0, bytes: 1100, lines: 7 });
  });

  it('counts lines that are not ours, and moves nothing for them', () => {
    const tooMuch = `${TIME} stderr F ${'x'.repeat(100)}\n`;
    expect(plan(`hello\n${TIME} stdlog F a\n${tooMuch}`)).toMatchObject({ positions: saved, foreignLines: 3 });
  });
});
