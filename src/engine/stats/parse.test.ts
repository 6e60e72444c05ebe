import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { CgroupFiles } from './kernel-text.ts';
import { parseV1, V1_FILES } from './parse-v1.ts';
import { parseV2, PRESSURE_FILES, V2_FILES } from './parse-v2.ts';

/**
 * fixtures/v1: read off a container on a hybrid node (Linux 6.18), limited to 64 MiB of memory, 80 MiB with swap and a
 * fifth of a core, after it had written a file of 40 MiB. fixtures/v2: the same put into the forms that the kernel's
 * documentation of cgroup v2 gives.
 */
function fixture(version: 'v1' | 'v2'): CgroupFiles {
  const dir = new URL(`./fixtures/${version}/`, import.meta.url);
  const names = readdirSync(fileURLToPath(dir));
  return Object.fromEntries(names.map((name) => [name, readFileSync(new URL(name, dir), 'utf8')]));
}

function without(files: CgroupFiles, names: readonly string[]): CgroupFiles {
  return Object.fromEntries(Object.entries(files).filter(([name]) => !names.includes(name)));
}

const MIB = 1024 * 1024;
const CPU_PRESSURE = {
  some: { totalNanos: 4_181_842_000, avg10: 25.43, avg60: 4.95, avg300: 1.04 },
  full: { totalNanos: 4_173_804_000, avg10: 25.43, avg60: 4.95, avg300: 1.04 },
};

describe('parseV1()', () => {
  const files = fixture('v1');
  const usage = parseV1(files, []);

  it('reads processor time, with what the quota did and the pressure of the v2 tree beside it', () => {
    expect(usage.cpu).toEqual({
      usageNanos: Number(files['cpuacct.usage']),
      userNanos: Number(/user (\d+)/.exec(files['cpuacct.stat'] ?? '')?.[1]) * 10_000_000,
      systemNanos: Number(/system (\d+)/.exec(files['cpuacct.stat'] ?? '')?.[1]) * 10_000_000,
      throttling: {
        periods: Number(/nr_periods (\d+)/.exec(files['cpu.stat'] ?? '')?.[1]),
        throttledPeriods: Number(/nr_throttled (\d+)/.exec(files['cpu.stat'] ?? '')?.[1]),
        throttledNanos: Number(/throttled_time (\d+)/.exec(files['cpu.stat'] ?? '')?.[1]),
        bursts: 0,
        burstNanos: 0,
      },
      pressure: CPU_PRESSURE,
    });
  });

  it('takes inactive file pages for no part of the working set', () => {
    const { memory } = usage;
    const usageBytes = Number(files['memory.usage_in_bytes']);
    expect(memory).toMatchObject({
      usageBytes,
      workingSetBytes: usageBytes - 41_943_040,
      limitBytes: 64 * MIB,
      rssBytes: 184_320,
      cacheBytes: 41_947_136,
      activeFileBytes: 4096,
      faults: { all: 1396, major: 0 },
      ownFaults: { all: 1396, major: 0 },
      oomKills: 0,
    });
  });

  it('never shows less than nothing as working set', () => {
    const { memory } = parseV1({ ...files, 'memory.usage_in_bytes': '4096\n' }, []);
    expect(memory?.workingSetBytes).toBe(0);
  });

  it('takes the limit of swap for the limit of both less that of memory', () => {
    expect(usage.swap).toEqual({ usageBytes: 0, limitBytes: 16 * MIB });
  });

  it('takes the largest number for no limit', () => {
    const none = '9223372036854771712\n';
    const { memory, swap } = parseV1(
      { ...files, 'memory.limit_in_bytes': none, 'memory.memsw.limit_in_bytes': none },
      [],
    );
    expect(memory).not.toHaveProperty('limitBytes');
    expect(swap).toEqual({ usageBytes: 0 });
  });

  it('counts reads and writes of each device', () => {
    const bytes = '8:0 Read 4096\n8:0 Write 8192\n8:0 Sync 0\n8:0 Total 12288\n254:1 Read 1\nTotal 12289\n';
    const operations = '8:0 Read 1\n8:0 Write 2\n254:1 Read 1\nTotal 4\n';
    const { io } = parseV1(
      { 'blkio.throttle.io_service_bytes_recursive': bytes, 'blkio.throttle.io_serviced_recursive': operations },
      [],
    );
    expect(io?.devices).toEqual([
      { major: 8, minor: 0, readBytes: 4096, writeBytes: 8192, reads: 1, writes: 2 },
      { major: 254, minor: 1, readBytes: 1, writeBytes: 0, reads: 1, writes: 0 },
    ]);
  });

  it('reads huge pages of the sizes there are', () => {
    const huge = { 'hugetlb.2MB.usage_in_bytes': '2097152\n', 'hugetlb.2MB.max_usage_in_bytes': '4194304\n' };
    expect(parseV1(huge, ['2MB', '1GB']).hugepages).toEqual([
      { pageSize: '2MB', usageBytes: 2 * MIB, peakBytes: 4 * MIB },
    ]);
  });

  it('leaves out what the node does not have', () => {
    expect(parseV1({}, [])).toEqual({ hugepages: [] });
    expect(parseV1(without(files, PRESSURE_FILES), []).cpu).not.toHaveProperty('pressure');
    expect(parseV1(without(files, ['cpu.stat']), []).cpu).not.toHaveProperty('throttling');
  });

  it('uses every file that is read', () => {
    const all = [...Object.values(V1_FILES).flat(), ...PRESSURE_FILES];
    expect(all.filter((name) => files[name] === undefined)).toEqual([]);
  });
});

describe('parseV2()', () => {
  const files = fixture('v2');
  const usage = parseV2(files, ['2MB', '1GB']);

  it('reads processor time, what the quota did, and pressure', () => {
    expect(usage.cpu).toEqual({
      usageNanos: 4_181_842_000,
      userNanos: 3_100_000_000,
      systemNanos: 1_081_842_000,
      throttling: {
        periods: 52,
        throttledPeriods: 50,
        throttledNanos: 4_003_210_000,
        bursts: 1,
        burstNanos: 250_000,
      },
      pressure: {
        some: CPU_PRESSURE.some,
        full: { totalNanos: 4_173_804_000, avg10: 25.4, avg60: 4.9, avg300: 1 },
      },
    });
  });

  it('reads memory and swap', () => {
    expect(usage.memory).toMatchObject({
      usageBytes: 43_032_576,
      workingSetBytes: 43_032_576 - 41_943_040,
      limitBytes: 64 * MIB,
      rssBytes: 184_320,
      kernelBytes: 901_120,
      peakBytes: 45_084_672,
      mappedFileBytes: 135_168,
      limitHits: 12,
      oomKills: 2,
      faults: { all: 1396, major: 7 },
    });
    expect(usage.memory?.pressure?.some.totalNanos).toBe(17_000);
    expect(usage.swap).toEqual({ usageBytes: MIB });
  });

  it('reads devices, tasks and huge pages', () => {
    expect(usage.io?.devices).toEqual([
      { major: 8, minor: 16, readBytes: 1_459_200, writeBytes: 314_773_504, reads: 192, writes: 353 },
      { major: 8, minor: 0, readBytes: 90_430_464, writeBytes: 299_008_000, reads: 8950, writes: 1252 },
      { major: 7, minor: 0, readBytes: 0, writeBytes: 0, reads: 0, writes: 0 },
    ]);
    expect(usage.tasks).toEqual({ threads: 3 });
    expect(parseV2({ ...files, 'pids.max': '100\n' }, []).tasks).toEqual({ threads: 3, limit: 100 });
    expect(usage.hugepages).toEqual([{ pageSize: '2MB', usageBytes: 2 * MIB }]);
  });

  it('leaves out what the node does not have', () => {
    expect(parseV2({}, [])).toEqual({ hugepages: [] });
    const { cpu } = parseV2({ 'cpu.stat': 'usage_usec 5\nuser_usec 3\nsystem_usec 2\n' }, []);
    expect(cpu).toEqual({ usageNanos: 5000, userNanos: 3000, systemNanos: 2000 });
  });

  it('uses every file that is read', () => {
    expect([...V2_FILES, ...PRESSURE_FILES].filter((name) => files[name] === undefined)).toEqual([]);
  });
});
