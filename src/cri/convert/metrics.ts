import type {
  CgroupSample,
  ContainerStats,
  CpuUsage,
  DeviceIo,
  InterfaceUsage,
  MemoryUsage,
  Pressure,
  ProcessDetails,
  Sandbox,
  SandboxStats,
  WritableLayer,
} from '../../engine/index.ts';
import { MetricType } from '../generated/cri.js';
import type * as cri from '../generated/cri.js';
import { METRICS } from './metric-descriptors.ts';
import type { MetricName } from './metric-descriptors.ts';
import { toLong, toUnsignedLong } from './numbers.ts';

/** A value, with the labels that come after the base ones. undefined: the kernel does not tell, so there is no series. */
type Value = readonly [name: MetricName, value: number | undefined, ...labels: readonly string[]];

const NANOS_PER_SECOND = 1_000_000_000;
/** What the kernel gives who asks for none. */
const DEFAULT_CPU_SHARES = 1024;
const DEFAULT_CPU_PERIOD_US = 100_000;

/** The pod's own metrics are those of its network; all others are its containers'. */
export function fromSandboxMetrics({ sandbox, cgroupPath, network, containers }: SandboxStats): cri.IPodSandboxMetrics {
  const base = baseLabels(sandbox, { container: '', cgroupPath, image: '', id: sandbox.id });
  const timestamp = network?.timestamp ?? 0n;
  return {
    podSandboxId: sandbox.id,
    metrics: toMetrics((network?.interfaces ?? []).flatMap(ofInterface), base, timestamp),
    containerMetrics: containers.map((stats) => fromContainer(sandbox, stats)),
  };
}

function fromContainer(sandbox: Sandbox, stats: ContainerStats): cri.IContainerMetrics {
  const { container, usage, writableLayer, details } = stats;
  const { id, spec } = container;
  const image = spec.image.userSpecified ?? spec.image.image;
  const base = baseLabels(sandbox, { container: spec.metadata.name, cgroupPath: stats.cgroupPath, image, id });
  const metrics = [
    ...(usage === undefined ? [] : toMetrics(ofUsage(usage, stats), base, usage.timestamp)),
    ...(writableLayer === undefined ? [] : toMetrics(ofLayer(writableLayer), base, writableLayer.timestamp)),
    ...(details === undefined ? [] : toMetrics(ofDetails(details), base, details.timestamp)),
  ];
  return { containerId: id, metrics };
}

function baseLabels(
  { spec }: Sandbox,
  of: { readonly container: string; readonly cgroupPath: string; readonly image: string; readonly id: string },
): readonly string[] {
  return [of.container, of.cgroupPath, of.image, of.id, spec.metadata.namespace, spec.metadata.name];
}

function toMetrics(values: readonly Value[], base: readonly string[], timestamp: bigint): cri.IMetric[] {
  return values.flatMap(([name, value, ...labels]) => {
    if (value === undefined) return [];
    return [
      {
        name,
        timestamp: toLong(timestamp),
        metricType: METRICS[name].type === 'counter' ? MetricType.COUNTER : MetricType.GAUGE,
        labelValues: [...base, ...labels],
        value: { value: toUnsignedLong(value) },
      },
    ];
  });
}

function ofUsage(usage: CgroupSample, { container, processes }: ContainerStats): readonly Value[] {
  const { cpu, memory, swap, io, tasks, hugepages } = usage;
  const { state, resources } = container;
  return [
    ...(cpu === undefined ? [] : ofCpu(cpu, resources.cpuQuotaUs)),
    ...(memory === undefined ? [] : ofMemory(memory)),
    ['container_memory_swap', swap?.usageBytes],
    ...(io?.devices ?? []).flatMap(ofDevice),
    ...ofPressure('io', io?.pressure),
    ...hugepages.flatMap(({ pageSize, usageBytes, peakBytes }): Value[] => [
      ['container_hugetlb_usage_bytes', usageBytes, pageSize],
      ['container_hugetlb_max_usage_bytes', peakBytes, pageSize],
    ]),
    ['container_processes', processes],
    ['container_threads', tasks?.threads],
    ['container_threads_max', tasks === undefined ? undefined : (tasks.limit ?? 0)],
    ['container_start_time_seconds', state.phase === 'running' ? seconds(Number(state.startedAt)) : undefined],
    ['container_last_seen', seconds(Number(usage.timestamp))],
    ['container_spec_cpu_period', resources.cpuPeriodUs ?? DEFAULT_CPU_PERIOD_US],
    ['container_spec_cpu_quota', quotaOf(resources.cpuQuotaUs)],
    ['container_spec_cpu_shares', resources.cpuShares ?? DEFAULT_CPU_SHARES],
    ['container_spec_memory_limit_bytes', resources.memoryLimitBytes ?? 0],
    ['container_spec_memory_reservation_limit_bytes', 0],
    ['container_spec_memory_swap_limit_bytes', Math.max(0, resources.memorySwapLimitBytes ?? 0)],
  ];
}

/** Without a quota nothing is counted in periods. */
function ofCpu({ usageNanos, userNanos, systemNanos, throttling, pressure }: CpuUsage, quotaUs?: number): Value[] {
  const periods = quotaOf(quotaUs) === undefined ? undefined : throttling;
  return [
    ['container_cpu_usage_seconds_total', seconds(usageNanos)],
    ['container_cpu_user_seconds_total', seconds(userNanos)],
    ['container_cpu_system_seconds_total', seconds(systemNanos)],
    ['container_cpu_cfs_periods_total', periods?.periods],
    ['container_cpu_cfs_throttled_periods_total', periods?.throttledPeriods],
    ['container_cpu_cfs_throttled_seconds_total', seconds(periods?.throttledNanos)],
    ['container_cpu_cfs_burst_periods_total', periods?.bursts],
    ['container_cpu_cfs_burst_seconds_total', seconds(periods?.burstNanos)],
    ...ofPressure('cpu', pressure),
  ];
}

function ofMemory(memory: MemoryUsage): Value[] {
  const { faults, ownFaults = faults } = memory;
  return [
    ['container_memory_usage_bytes', memory.usageBytes],
    ['container_memory_working_set_bytes', memory.workingSetBytes],
    ['container_memory_max_usage_bytes', memory.peakBytes],
    ['container_memory_rss', memory.rssBytes],
    ['container_memory_cache', memory.cacheBytes],
    ['container_memory_mapped_file', memory.mappedFileBytes],
    ['container_memory_kernel_usage', memory.kernelBytes],
    ['container_memory_failcnt', memory.limitHits],
    ['container_memory_total_active_file_bytes', memory.activeFileBytes],
    ['container_memory_total_inactive_file_bytes', memory.inactiveFileBytes],
    ['container_memory_failures_total', ownFaults.all, 'pgfault', 'container'],
    ['container_memory_failures_total', ownFaults.major, 'pgmajfault', 'container'],
    ['container_memory_failures_total', faults.all, 'pgfault', 'hierarchy'],
    ['container_memory_failures_total', faults.major, 'pgmajfault', 'hierarchy'],
    ['container_oom_events_total', memory.oomKills],
    ...ofPressure('memory', memory.pressure),
  ];
}

function ofPressure(resource: 'cpu' | 'memory' | 'io', pressure: Pressure | undefined): Value[] {
  return [
    [`container_pressure_${resource}_waiting_seconds_total`, seconds(pressure?.some.totalNanos)],
    [`container_pressure_${resource}_stalled_seconds_total`, seconds(pressure?.full?.totalNanos)],
  ];
}

function ofDevice({ major, minor, name = '', readBytes, writeBytes, reads, writes }: DeviceIo): Value[] {
  const numbers = [String(major), String(minor)];
  return [
    ['container_fs_reads_total', reads, name],
    ['container_fs_reads_bytes_total', readBytes, name],
    ['container_fs_writes_total', writes, name],
    ['container_fs_writes_bytes_total', writeBytes, name],
    ['container_blkio_device_usage_total', readBytes, name, ...numbers, 'Read'],
    ['container_blkio_device_usage_total', writeBytes, name, ...numbers, 'Write'],
  ];
}

function ofLayer({ usedBytes, filesystem }: WritableLayer): Value[] {
  const device = filesystem?.device ?? '';
  return [
    ['container_fs_usage_bytes', usedBytes, device],
    ['container_fs_limit_bytes', filesystem?.totalBytes, device],
    ['container_fs_inodes_total', filesystem?.totalInodes, device],
    ['container_fs_inodes_free', filesystem?.freeInodes, device],
  ];
}

function ofDetails({ fileDescriptors, sockets, taskStates, softLimits }: ProcessDetails): Value[] {
  return [
    ['container_file_descriptors', fileDescriptors],
    ['container_sockets', sockets],
    // Most states have no thread, and with many containers each series brings a reply nearer to the kubelet's 16 MiB.
    ...Object.entries(taskStates)
      .filter(([, count]) => count > 0)
      .map(([state, count]): Value => ['container_tasks_state', count, state]),
    ...Object.entries(softLimits).map(([name, limit]): Value => ['container_ulimits_soft', limit, name]),
  ];
}

function ofInterface(usage: InterfaceUsage): Value[] {
  const { name } = usage;
  return [
    ['container_network_receive_bytes_total', usage.rxBytes, name],
    ['container_network_receive_packets_total', usage.rxPackets, name],
    ['container_network_receive_packets_dropped_total', usage.rxDropped, name],
    ['container_network_receive_errors_total', usage.rxErrors, name],
    ['container_network_transmit_bytes_total', usage.txBytes, name],
    ['container_network_transmit_packets_total', usage.txPackets, name],
    ['container_network_transmit_packets_dropped_total', usage.txDropped, name],
    ['container_network_transmit_errors_total', usage.txErrors, name],
  ];
}

/** A quota of -1 is none. */
function quotaOf(quotaUs: number | undefined): number | undefined {
  return quotaUs !== undefined && quotaUs > 0 ? quotaUs : undefined;
}

function seconds(nanos: number | undefined): number | undefined {
  return nanos === undefined ? undefined : Math.floor(nanos / NANOS_PER_SECOND);
}
