import type { CgroupFiles } from './kernel-text.ts';
import { keyedNumbers, oneNumber, optional, parsePressure } from './kernel-text.ts';
import type { CgroupUsage, CpuUsage, DeviceIo, IoUsage, MemoryUsage, SwapUsage, TaskUsage } from './stats-types.ts';

/** Files of a cgroup in the one tree of cgroup v2 that `parseV2` reads. */
export const V2_FILES: readonly string[] = [
  'cpu.stat',
  'memory.current',
  'memory.stat',
  'memory.max',
  'memory.peak',
  'memory.events',
  'memory.swap.current',
  'memory.swap.max',
  'io.stat',
  'pids.current',
  'pids.max',
];

/** Files that a cgroup of v2 has even where the controllers work through trees of v1. */
export const PRESSURE_FILES: readonly string[] = ['cpu.pressure', 'memory.pressure', 'io.pressure'];

export function v2HugepageFiles(pageSize: string): readonly string[] {
  return [`hugetlb.${pageSize}.current`];
}

const NANOS_PER_USEC = 1000;
const IO_LINE = /^(\d+):(\d+) (.*)$/gm;

export function parseV2(files: CgroupFiles, hugepageSizes: readonly string[]): CgroupUsage {
  return {
    ...optional('cpu', cpu(files)),
    ...optional('memory', memory(files)),
    ...optional('swap', swap(files)),
    ...optional('io', io(files)),
    ...optional('tasks', parseTasks(files)),
    hugepages: hugepageSizes.flatMap((pageSize) => {
      const usageBytes = oneNumber(files[`hugetlb.${pageSize}.current`]);
      return usageBytes === undefined ? [] : [{ pageSize, usageBytes }];
    }),
  };
}

/** The pids controller's files are the same in both versions. */
export function parseTasks(files: CgroupFiles): TaskUsage | undefined {
  const threads = oneNumber(files['pids.current']);
  return threads === undefined ? undefined : { threads, ...optional('limit', oneNumber(files['pids.max'])) };
}

function cpu(files: CgroupFiles): CpuUsage | undefined {
  const stat = keyedNumbers(files['cpu.stat']);
  const usage = stat.get('usage_usec');
  if (usage === undefined) return undefined;
  const nanos = (key: string): number => (stat.get(key) ?? 0) * NANOS_PER_USEC;
  const periods = stat.get('nr_periods');
  return {
    usageNanos: usage * NANOS_PER_USEC,
    userNanos: nanos('user_usec'),
    systemNanos: nanos('system_usec'),
    // Without the cpu controller the file ends before these.
    ...(periods === undefined
      ? {}
      : {
          throttling: {
            periods,
            throttledPeriods: stat.get('nr_throttled') ?? 0,
            throttledNanos: nanos('throttled_usec'),
            bursts: stat.get('nr_bursts') ?? 0,
            burstNanos: nanos('burst_usec'),
          },
        }),
    ...optional('pressure', parsePressure(files['cpu.pressure'])),
  };
}

function memory(files: CgroupFiles): MemoryUsage | undefined {
  const usageBytes = oneNumber(files['memory.current']);
  if (usageBytes === undefined) return undefined;
  const stat = keyedNumbers(files['memory.stat']);
  const events = keyedNumbers(files['memory.events']);
  const inactiveFileBytes = stat.get('inactive_file') ?? 0;
  return {
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - inactiveFileBytes),
    ...optional('limitBytes', oneNumber(files['memory.max'])),
    rssBytes: stat.get('anon') ?? 0,
    cacheBytes: stat.get('file') ?? 0,
    mappedFileBytes: stat.get('file_mapped') ?? 0,
    activeFileBytes: stat.get('active_file') ?? 0,
    inactiveFileBytes,
    ...optional('kernelBytes', stat.get('kernel')),
    ...optional('peakBytes', oneNumber(files['memory.peak'])),
    limitHits: events.get('max') ?? 0,
    oomKills: events.get('oom_kill') ?? 0,
    faults: { all: stat.get('pgfault') ?? 0, major: stat.get('pgmajfault') ?? 0 },
    ...optional('pressure', parsePressure(files['memory.pressure'])),
  };
}

function swap(files: CgroupFiles): SwapUsage | undefined {
  const usageBytes = oneNumber(files['memory.swap.current']);
  return usageBytes === undefined
    ? undefined
    : { usageBytes, ...optional('limitBytes', oneNumber(files['memory.swap.max'])) };
}

function io(files: CgroupFiles): IoUsage | undefined {
  const text = files['io.stat'];
  const pressure = parsePressure(files['io.pressure']);
  if (text === undefined && pressure === undefined) return undefined;
  return { devices: [...(text ?? '').matchAll(IO_LINE)].map(device), ...optional('pressure', pressure) };
}

/** `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`, in any order and with more to come. */
function device([, major, minor, pairs = '']: RegExpExecArray): DeviceIo {
  const values = new Map(pairs.split(' ').map((pair) => [pair.split('=')[0], Number(pair.split('=')[1])] as const));
  return {
    major: Number(major),
    minor: Number(minor),
    readBytes: values.get('rbytes') ?? 0,
    writeBytes: values.get('wbytes') ?? 0,
    reads: values.get('rios') ?? 0,
    writes: values.get('wios') ?? 0,
  };
}
