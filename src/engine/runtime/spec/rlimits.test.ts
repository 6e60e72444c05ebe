import { describe, expect, it } from 'vitest';
import { ociRlimits } from './rlimits.ts';

describe('ociRlimits()', () => {
  it('reads soft and hard, one for both, and none', () => {
    expect(ociRlimits({ nofile: '1024:4096', core: '0', memlock: 'unlimited', nproc: '10:unlimited' })).toEqual([
      { type: 'RLIMIT_NOFILE', soft: 1024, hard: 4096 },
      { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
      { type: 'RLIMIT_MEMLOCK', soft: 2n ** 64n - 1n, hard: 2n ** 64n - 1n },
      { type: 'RLIMIT_NPROC', soft: 10, hard: 2n ** 64n - 1n },
    ]);
  });
});
