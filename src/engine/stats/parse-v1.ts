import type { CgroupFiles } from './kernel-text.ts';
import { keyedNumbers, oneNumber, optional, parsePressure } from './kernel-text.ts';
import { parseTasks } from './parse-v2.ts';
import type { CgroupUsage, CpuUsage, DeviceIo, IoUsage, MemoryUsage, SwapUsage, Throttling } from './stats-types.ts';

/** Files that `parseV1` reads, by the controller in whose tree they are. */
export const V1_FILES: Readonly<Record<string, readonly string[]>> = {
  cpuacct: ['cpuacct.usage', 'cpuacct.stat'],
  cpu: ['cpu.stat'],
  memory: [
    'memory.usage_in_bytes',
    'memory.stat',
    'memory.limit_in_bytes',
    'memory.max_usage_in_bytes',
    'memory.failcnt',
    'memory.oom_control',
    'memory.kmem.usage_in_bytes',
    'memory.memsw.limit_in_bytes',
  ],
  blkio: ['blkio.throttle.io_service_bytes_recursive', 'blkio.throttle.io_serviced_recursive'],
  pids: ['pids.current', 'pids.max'],
};

export function v1HugepageFiles(pageSize: string): readonly string[] {
  return [`hugetlb.${pageSize}.usage_in_bytes`, `hugetlb.${pageSize}.max_usage_in_bytes`];
}

/** The kernel says "no limit" as a number of pages just below 2^63; no machine has a quarter of that. */
const NO_LIMIT_BYTES = 2 ** 60;
/** cpuacct.stat counts in ticks of USER_HZ, which is 100 on every architecture that containers run on. */
const NANOS_PER_TICK = 10_000_000;
const BLKIO_LINE = /^(\d+):(\d+) (Read|Write) (\d+)$/gm;

/** `files` may have a v2 tree's pressure files among them, as hybrid nodes do. */
export function parseV1(files: CgroupFiles, hugepageSizes: readonly string[]): CgroupUsage {
  const stat = keyedNumbers(files['memory.stat']);
  return {
    ...optional('cpu', cpu(files)),
    ...optional('memory', memory(files, stat)),
    ...optional('swap', swap(files, stat)),
    ...optional('io', io(files)),
    ...optional('tasks', parseTasks(files)),
    hugepages: hugepageSizes.flatMap((pageSize) => {
      const usageBytes = oneNumber(files[`hugetlb.${pageSize}.usage_in_bytes`]);
      const peakBytes = oneNumber(files[`hugetlb.${pageSize}.max_usage_in_bytes`]);
      return usageBytes === undefined ? [] : [{ pageSize, usageBytes, ...optional('peakBytes', peakBytes) }];
    }),
  };
}

function cpu(files: CgroupFiles): CpuUsage | undefined {
  const usageNanos = oneNumber(files['cpuacct.usage']);
  if (usageNanos === undefined) return undefined;
  const ticks = keyedNumbers(files['cpuacct.stat']);
  return {
    usageNanos,
    userNanos: (ticks.get('user') ?? 0) * NANOS_PER_TICK,
    systemNanos: (ticks.get('system') ?? 0) * NANOS_PER_TICK,
    ...optional('throttling', throttling(files)),
    ...optional('pressure', parsePressure(files['cpu.pressure'])),
  };
}

function throttling(files: CgroupFiles): Throttling | undefined {
  const stat = keyedNumbers(files['cpu.stat']);
  const periods = stat.get('nr_periods');
  if (periods === undefined) return undefined;
  return {
    periods,
    throttledPeriods: stat.get('nr_throttled') ?? 0,
    throttledNanos: stat.get('throttled_time') ?? 0,
    bursts: stat.get('nr_bursts') ?? 0,
    burstNanos: stat.get('burst_time') ?? 0,
  };
}

/** The keys that begin with `total_` count the cgroups below, too. */
function memory(files: CgroupFiles, stat: ReadonlyMap<string, number>): MemoryUsage | undefined {
  const usageBytes = oneNumber(files['memory.usage_in_bytes']);
  if (usageBytes === undefined) return undefined;
  const inactiveFileBytes = stat.get('total_inactive_file') ?? 0;
  return {
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - inactiveFileBytes),
    ...optional('limitBytes', limit(files['memory.limit_in_bytes'])),
    rssBytes: stat.get('total_rss') ?? 0,
    cacheBytes: stat.get('total_cache') ?? 0,
    mappedFileBytes: stat.get('total_mapped_file') ?? 0,
    activeFileBytes: stat.get('total_active_file') ?? 0,
    inactiveFileBytes,
    ...optional('kernelBytes', oneNumber(files['memory.kmem.usage_in_bytes'])),
    ...optional('peakBytes', oneNumber(files['memory.max_usage_in_bytes'])),
    limitHits: oneNumber(files['memory.failcnt']) ?? 0,
    oomKills: keyedNumbers(files['memory.oom_control']).get('oom_kill') ?? 0,
    faults: { all: stat.get('total_pgfault') ?? 0, major: stat.get('total_pgmajfault') ?? 0 },
    ownFaults: { all: stat.get('pgfault') ?? 0, major: stat.get('pgmajfault') ?? 0 },
    ...optional('pressure', parsePressure(files['memory.pressure'])),
  };
}

/** The limit of v1 is one on memory and swap together. */
function swap(files: CgroupFiles, stat: ReadonlyMap<string, number>): SwapUsage | undefined {
  const usageBytes = stat.get('total_swap');
  if (usageBytes === undefined) return undefined;
  const memory = limit(files['memory.limit_in_bytes']);
  const both = limit(files['memory.memsw.limit_in_bytes']);
  if (memory === undefined || both === undefined) return { usageBytes };
  return { usageBytes, limitBytes: Math.max(0, both - memory) };
}

function limit(text: string | undefined): number | undefined {
  const bytes = oneNumber(text);
  return bytes === undefined || bytes >= NO_LIMIT_BYTES ? undefined : bytes;
}

function io(files: CgroupFiles): IoUsage | undefined {
  const bytes = files['blkio.throttle.io_service_bytes_recursive'];
  const operations = files['blkio.throttle.io_serviced_recursive'];
  const pressure = parsePressure(files['io.pressure']);
  if (bytes === undefined && operations === undefined && pressure === undefined) return undefined;
  const devices = new Map<string, DeviceIo>();
  collect(devices, bytes, { Read: 'readBytes', Write: 'writeBytes' });
  collect(devices, operations, { Read: 'reads', Write: 'writes' });
  return { devices: [...devices.values()], ...optional('pressure', pressure) };
}

function collect(
  devices: Map<string, DeviceIo>,
  text: string | undefined,
  names: { readonly Read: keyof DeviceIo; readonly Write: keyof DeviceIo },
): void {
  for (const [, major, minor, operation, value] of (text ?? '').matchAll(BLKIO_LINE)) {
    const key = `${major}:${minor}`;
    const none = { major: Number(major), minor: Number(minor), readBytes: 0, writeBytes: 0, reads: 0, writes: 0 };
    const name = operation === 'Read' ? names.Read : names.Write;
    devices.set(key, { ...(devices.get(key) ?? none), [name]: Number(value) });
  }
}
