import { describe, expect, it } from 'vitest';
import { LinuxContainerResources } from '../generated/cri.js';
import type { ILinuxContainerResources } from '../generated/cri.js';
import { fromLinuxResources, toLinuxResources } from './resources.ts';

function message(fields: ILinuxContainerResources): LinuxContainerResources {
  return LinuxContainerResources.decode(LinuxContainerResources.encode(fields).finish());
}

describe('toLinuxResources()', () => {
  it('leaves out what is not set, but an oom score of 0 is a score', () => {
    expect(toLinuxResources('r', message({}))).toEqual({ oomScoreAdj: 0 });
  });

  it('keeps all that is set, and gives it back', () => {
    const all = message({
      cpuPeriod: 100_000,
      cpuQuota: -1,
      cpuShares: 512,
      memoryLimitInBytes: 2 ** 40,
      memorySwapLimitInBytes: -1,
      oomScoreAdj: -997,
      cpusetCpus: '0-3,7',
      cpusetMems: '0',
      hugepageLimits: [{ pageSize: '2MB', limit: 0 }],
      unified: { 'memory.high': '1000' },
    });
    const resources = toLinuxResources('r', all);
    expect(resources).toEqual({
      cpuPeriodUs: 100_000,
      cpuQuotaUs: -1,
      cpuShares: 512,
      memoryLimitBytes: 2 ** 40,
      memorySwapLimitBytes: -1,
      oomScoreAdj: -997,
      cpusetCpus: '0-3,7',
      cpusetMems: '0',
      hugepageLimits: [{ pageSize: '2MB', limitBytes: 0 }],
      unified: { 'memory.high': '1000' },
    });
    expect(message(fromLinuxResources(resources))).toEqual(all);
  });

  it.each<[ILinuxContainerResources, string]>([
    [{ cpuShares: -1 }, 'r.cpu_shares: must not be negative'],
    [{ oomScoreAdj: 1001 }, 'r.oom_score_adj: must be from -1000 to 1000'],
    [{ memoryLimitInBytes: 2 ** 60 }, 'r.memory_limit_in_bytes: 1152921504606846976 is out of range'],
    [{ cpusetCpus: '0;1' }, 'r.cpuset_cpus: must be a list'],
    [{ hugepageLimits: [{ pageSize: '../x' }] }, 'r.hugepage_limits[0].page_size: must be a size'],
    [{ unified: { '../memory.max': '1' } }, 'r.unified["../memory.max"]: is not the name'],
    [{ unified: { 'memory.max': '1\0' } }, 'r.unified["memory.max"]: has a NUL character'],
  ])('refuses %j', (fields, problem) => {
    expect(() => toLinuxResources('r', message(fields))).toThrow(problem);
  });
});
