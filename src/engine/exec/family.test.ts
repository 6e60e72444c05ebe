import { describe, expect, it } from 'vitest';
import { execFamily, parseProcessFacts } from './family.ts';
import type { ProcessFacts } from './family.ts';

const MARK = 4_503_599_627_370_497n;
const ROOT = { pid: 50, startTime: 1000n };

function aProcess(pid: number, ppid: number, more: Partial<ProcessFacts> = {}): ProcessFacts {
  return { pid, ppid, session: 10, startTime: 2000n, softLocks: undefined, ...more };
}

const init = aProcess(10, 1, { startTime: 1n });
const root = aProcess(50, 1, { session: 50, startTime: 1000n });

describe('execFamily()', () => {
  it('is the process, and children of children', () => {
    const processes = [init, aProcess(53, 52), aProcess(52, 51), aProcess(51, 50), root, aProcess(60, 10)];
    expect(new Set(execFamily(processes, MARK, ROOT))).toEqual(new Set([50, 51, 52, 53]));
  });

  it('is whoever is in its session, though the parents are gone', () => {
    const orphan = aProcess(51, 10, { session: 50 });
    expect(execFamily([init, orphan, aProcess(52, 51, { session: 52 })], MARK, ROOT)).toEqual([51, 52]);
  });

  it('is whoever has its mark, though session and parents are gone', () => {
    const stray = aProcess(51, 10, { session: 51, softLocks: MARK });
    expect(execFamily([init, stray, aProcess(52, 10, { softLocks: MARK + 1n })], MARK, undefined)).toEqual([51]);
  });

  it('is not a process that was given the same number later, nor its session', () => {
    const other = aProcess(50, 10, { session: 50, startTime: 3000n });
    expect(execFamily([init, other], MARK, ROOT)).toEqual([]);
    expect(execFamily([aProcess(51, 10, { session: 50, startTime: 999n })], MARK, ROOT)).toEqual([]);
  });
});

/** The text of a /proc/<pid>/stat. */
function stat(name: string): string {
  return `51 (${name}) S 50 51 51 0 -1 4194560 99 0 0 0 0 0 0 0 20 0 1 0 123456 4096 1 18446744073709551615`;
}

describe('parseProcessFacts()', () => {
  it.each(['sh', 'a) R 1 2 3', 'with space (and) more'])('reads the numbers behind the name %j', (name) => {
    const limits = 'Max file locks            4503599627370497     unlimited            locks     \n';
    expect(parseProcessFacts(51, stat(name), limits)).toEqual({
      pid: 51,
      ppid: 50,
      session: 51,
      startTime: 123456n,
      softLocks: MARK,
    });
  });
});
