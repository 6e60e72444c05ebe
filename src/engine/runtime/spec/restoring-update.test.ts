import { describe, expect, it } from 'vitest';
import { restoringUpdate } from './restoring-update.ts';

describe('restoringUpdate()', () => {
  it('takes what was asked for before, and for the rest what the kernel had', () => {
    const before = { cpuShares: 512, hugepageLimits: [{ pageSize: '2MB', limitBytes: 4 }] };
    const update = {
      cpuShares: 9,
      memoryLimitBytes: 7,
      cpusetCpus: '1',
      hugepageLimits: [{ pageSize: '1GB', limitBytes: 0 }],
    };
    expect(restoringUpdate(before, update, { cpus: '0-1', mems: '0' })).toEqual({
      cpuShares: 512,
      memoryLimitBytes: -1,
      cpusetCpus: '0-1',
      hugepageLimits: [
        { pageSize: '2MB', limitBytes: 4 },
        { pageSize: '1GB', limitBytes: 2 ** 53 - 2 ** 30 },
      ],
    });
  });
});
