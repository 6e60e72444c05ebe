import { describe, expect, it } from 'vitest';
import { foldResources } from './fold-resources.ts';
import { ociResources } from './resources.ts';
import { hostFacts } from './test-input.ts';

const V1 = hostFacts({ cgroup: { mode: 'v1', hierarchies: [] }, hugepageSizes: [] });

describe('ociResources()', () => {
  it('passes limits on and leaves out what is not set', () => {
    const { resources, notices } = ociResources(
      { cpuShares: 102, cpuQuotaUs: -1, cpuPeriodUs: 100_000, cpusetCpus: '0-1', unified: { 'memory.high': '1' } },
      hostFacts(),
    );
    expect(resources).toEqual({
      cpu: { shares: 102, quota: -1, period: 100_000, cpus: '0-1' },
      unified: { 'memory.high': '1' },
    });
    expect(notices).toEqual([]);
    expect(ociResources({}, hostFacts()).resources).toEqual({});
  });

  it('allows no swap beside a memory limit, unless it is asked for', () => {
    expect(ociResources({ memoryLimitBytes: 100 }, hostFacts()).resources.memory).toEqual({ limit: 100, swap: 100 });
    const both = { memoryLimitBytes: 100, memorySwapLimitBytes: 150 };
    expect(ociResources(both, hostFacts()).resources.memory).toEqual({ limit: 100, swap: 150 });
  });

  it('leaves swap alone where the kernel cannot limit it, and says so when it was asked for', () => {
    const host = hostFacts({ swapLimit: false });
    expect(ociResources({ memoryLimitBytes: 100 }, host)).toEqual({
      resources: { memory: { limit: 100 } },
      notices: [],
    });
    expect(ociResources({ memorySwapLimitBytes: 150 }, host).notices[0]).toContain('memory_swap_limit_in_bytes');
  });

  it('limits the huge pages that the node has', () => {
    const hugepageLimits = [
      { pageSize: '2MB', limitBytes: 4096 },
      { pageSize: '64KB', limitBytes: 0 },
      { pageSize: '16GB', limitBytes: 1 },
    ];
    const { resources, notices } = ociResources({ hugepageLimits }, hostFacts());
    expect(resources.hugepageLimits).toEqual([{ pageSize: '2MB', limit: 4096 }]);
    expect(notices).toEqual(['config.linux.resources.hugepage_limits: this node cannot limit pages of 16GB']);
    expect(ociResources({ hugepageLimits }, V1).resources).toEqual({});
  });

  it('refuses unified limits where cgroups are not', () => {
    expect(() => ociResources({ unified: { 'memory.high': '1' } }, V1)).toThrow('config.linux.resources.unified');
    expect(ociResources({ unified: {} }, V1).resources).toEqual({});
  });
});

describe('foldResources()', () => {
  it('keeps what the update does not set', () => {
    expect(foldResources({ cpuShares: 1, memoryLimitBytes: 2 }, { cpuShares: 3, oomScoreAdj: 4 })).toEqual({
      cpuShares: 3,
      memoryLimitBytes: 2,
      oomScoreAdj: 4,
    });
  });

  it('folds huge pages by size and unified keys one by one', () => {
    const current = { hugepageLimits: [{ pageSize: '2MB', limitBytes: 1 }], unified: { a: '1', b: '1' } };
    const update = {
      hugepageLimits: [
        { pageSize: '1GB', limitBytes: 2 },
        { pageSize: '2MB', limitBytes: 3 },
      ],
      unified: { b: '2' },
    };
    expect(foldResources(current, update)).toEqual({
      hugepageLimits: [
        { pageSize: '2MB', limitBytes: 3 },
        { pageSize: '1GB', limitBytes: 2 },
      ],
      unified: { a: '1', b: '2' },
    });
    expect(current.unified).toEqual({ a: '1', b: '1' });
  });
});
