import { describe, expect, it } from 'vitest';
import type { SandboxStats } from '../../engine/index.ts';
import { aContainer, aContainerId, aSandbox, aSandboxId } from '../fake-engine.ts';
import { MetricType } from '../generated/cri.js';
import type { IMetric } from '../generated/cri.js';
import { METRIC_DESCRIPTORS } from './metric-descriptors.ts';
import { fromSandboxMetrics } from './metrics.ts';

/** The names that the interface's conformance tests ask for. */
const CONFORMANCE = `
container_blkio_device_usage_total container_cpu_cfs_periods_total container_cpu_cfs_throttled_periods_total
container_cpu_cfs_throttled_seconds_total container_cpu_system_seconds_total container_cpu_usage_seconds_total
container_cpu_user_seconds_total container_file_descriptors container_fs_inodes_free container_fs_inodes_total
container_fs_limit_bytes container_fs_reads_bytes_total container_fs_reads_total container_fs_usage_bytes
container_fs_writes_bytes_total container_fs_writes_total container_hugetlb_max_usage_bytes
container_hugetlb_usage_bytes container_last_seen container_memory_cache container_memory_failcnt
container_memory_failures_total container_memory_kernel_usage container_memory_mapped_file
container_memory_max_usage_bytes container_memory_rss container_memory_swap container_memory_usage_bytes
container_memory_working_set_bytes container_network_receive_bytes_total container_network_receive_errors_total
container_network_receive_packets_dropped_total container_network_receive_packets_total
container_network_transmit_bytes_total container_network_transmit_errors_total
container_network_transmit_packets_dropped_total container_network_transmit_packets_total container_oom_events_total
container_pressure_cpu_stalled_seconds_total container_pressure_cpu_waiting_seconds_total
container_pressure_io_stalled_seconds_total container_pressure_io_waiting_seconds_total
container_pressure_memory_stalled_seconds_total container_pressure_memory_waiting_seconds_total container_processes
container_sockets container_spec_cpu_period container_spec_cpu_quota container_spec_cpu_shares
container_spec_memory_limit_bytes container_spec_memory_reservation_limit_bytes
container_spec_memory_swap_limit_bytes container_start_time_seconds container_threads container_threads_max
container_ulimits_soft`
  .trim()
  .split(/\s+/);

const TIME = 1_760_000_000_500_000_000n;
const PRESSURE = { avg10: 0, avg60: 0, avg300: 0 };
const psi = (some: number, full: number) => ({
  some: { ...PRESSURE, totalNanos: some * 1e9 },
  full: { ...PRESSURE, totalNanos: full * 1e9 },
});

/** A pod of which everything is known that a kernel can tell. */
function full(): SandboxStats {
  const container = aContainer(1, {
    state: { phase: 'running', startedAt: TIME - 7_000_000_000n, pid: 9 },
    resources: { cpuQuotaUs: 20_000, cpuPeriodUs: 50_000, cpuShares: 512, memoryLimitBytes: 8192 },
  });
  return {
    sandbox: aSandbox(1),
    cgroupPath: '/pods/1',
    processes: 1,
    network: {
      timestamp: TIME,
      interfaces: [
        {
          name: 'eth0',
          rxBytes: 1,
          rxPackets: 2,
          rxErrors: 3,
          rxDropped: 4,
          txBytes: 5,
          txPackets: 6,
          txErrors: 7,
          txDropped: 8,
        },
      ],
    },
    containers: [
      {
        container,
        cgroupPath: '/pods/1/c',
        processes: 3,
        usage: {
          timestamp: TIME,
          cpu: {
            usageNanos: 12_999_999_999,
            userNanos: 8_000_000_000,
            systemNanos: 4_500_000_000,
            throttling: {
              periods: 10,
              throttledPeriods: 9,
              throttledNanos: 3_000_000_000,
              bursts: 2,
              burstNanos: 1_000_000_000,
            },
            pressure: psi(21, 11),
          },
          memory: {
            usageBytes: 7000,
            workingSetBytes: 5000,
            limitBytes: 8192,
            rssBytes: 4000,
            cacheBytes: 3000,
            mappedFileBytes: 100,
            activeFileBytes: 1000,
            inactiveFileBytes: 2000,
            kernelBytes: 50,
            peakBytes: 8000,
            limitHits: 6,
            oomKills: 1,
            faults: { all: 40, major: 4 },
            ownFaults: { all: 30, major: 3 },
            pressure: psi(22, 12),
          },
          swap: { usageBytes: 77 },
          io: {
            devices: [{ major: 8, minor: 0, name: '/dev/sda', readBytes: 11, writeBytes: 22, reads: 1, writes: 2 }],
            pressure: psi(23, 13),
          },
          tasks: { threads: 5 },
          hugepages: [{ pageSize: '2MB', usageBytes: 2_097_152, peakBytes: 4_194_304 }],
        },
        writableLayer: {
          timestamp: TIME,
          usedBytes: 4096,
          inodesUsed: 2,
          filesystem: { mountpoint: '/x', device: '/dev/sda', totalBytes: 9e9, totalInodes: 100, freeInodes: 60 },
        },
        details: {
          timestamp: TIME,
          fileDescriptors: 12,
          sockets: 2,
          taskStates: { running: 1, sleeping: 4, uninterruptible: 0, stopped: 0 },
          softLimits: { max_open_files: 1024 },
        },
      },
    ],
  };
}

function all(stats: SandboxStats): readonly IMetric[] {
  const { metrics, containerMetrics } = fromSandboxMetrics(stats);
  return [...(metrics ?? []), ...(containerMetrics ?? []).flatMap(({ metrics }) => metrics ?? [])];
}

function valuesOf(stats: SandboxStats, name: string): readonly string[] {
  return all(stats)
    .filter((metric) => metric.name === name)
    .map(({ value, labelValues }) => [...(labelValues ?? []).slice(6), String(value?.value)].join(' '));
}

describe('METRIC_DESCRIPTORS', () => {
  it('have every name that is asked for, each once, with help and labels', () => {
    const names = METRIC_DESCRIPTORS.map(({ name }) => name);
    expect(CONFORMANCE).toHaveLength(56);
    expect(CONFORMANCE.filter((name) => !names.includes(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
    expect(METRIC_DESCRIPTORS.filter(({ help, labelKeys }) => !help || !labelKeys?.length)).toEqual([]);
  });
});

describe('fromSandboxMetrics()', () => {
  it('gives a value for every descriptor, with as many labels', () => {
    const metrics = all(full());
    for (const { name, labelKeys } of METRIC_DESCRIPTORS) {
      const found = metrics.filter((metric) => metric.name === name);
      expect(found[0]?.name).toBe(name);
      expect(found.map(({ labelValues }) => labelValues?.length)).toEqual(found.map(() => labelKeys?.length));
    }
    const described = new Set(METRIC_DESCRIPTORS.map(({ name }) => name));
    expect(metrics.filter(({ name }) => !described.has(name))).toEqual([]);
    expect(metrics.filter(({ timestamp }) => String(timestamp) !== String(TIME))).toEqual([]);
  });

  it('tells the pod and the container in the labels', () => {
    const { podSandboxId, metrics, containerMetrics } = fromSandboxMetrics(full());
    expect(podSandboxId).toBe(aSandboxId(1));
    expect(metrics?.[0]?.labelValues).toEqual(['', '/pods/1', '', aSandboxId(1), 'default', 'pod-1', 'eth0']);
    expect(containerMetrics?.[0]?.containerId).toBe(aContainerId(1));
    expect(containerMetrics?.[0]?.metrics?.[0]?.labelValues).toEqual([
      'container-1',
      '/pods/1/c',
      'registry.k8s.io/pause:3.10',
      aContainerId(1),
      'default',
      'pod-1',
    ]);
  });

  it.each([
    ['container_cpu_usage_seconds_total', ['12']],
    ['container_cpu_cfs_throttled_seconds_total', ['3']],
    ['container_memory_working_set_bytes', ['5000']],
    [
      'container_memory_failures_total',
      ['pgfault container 30', 'pgmajfault container 3', 'pgfault hierarchy 40', 'pgmajfault hierarchy 4'],
    ],
    ['container_pressure_cpu_waiting_seconds_total', ['21']],
    ['container_pressure_memory_stalled_seconds_total', ['12']],
    ['container_pressure_io_stalled_seconds_total', ['13']],
    ['container_fs_writes_bytes_total', ['/dev/sda 22']],
    ['container_blkio_device_usage_total', ['/dev/sda 8 0 Read 11', '/dev/sda 8 0 Write 22']],
    ['container_fs_inodes_free', ['/dev/sda 60']],
    ['container_network_transmit_packets_dropped_total', ['eth0 8']],
    ['container_processes', ['3']],
    ['container_threads_max', ['0']],
    ['container_tasks_state', ['running 1', 'sleeping 4']],
    ['container_ulimits_soft', ['max_open_files 1024']],
    ['container_start_time_seconds', ['1759999993']],
    ['container_spec_cpu_quota', ['20000']],
    ['container_spec_cpu_period', ['50000']],
    ['container_spec_memory_limit_bytes', ['8192']],
    ['container_spec_memory_swap_limit_bytes', ['0']],
    ['container_hugetlb_max_usage_bytes', ['2MB 4194304']],
  ])('has the value of %s', (name, expected) => {
    expect(valuesOf(full(), name)).toEqual(expected);
  });

  it('tells counters from gauges', () => {
    const types = new Map(all(full()).map(({ name, metricType }) => [name, metricType]));
    expect(types.get('container_cpu_usage_seconds_total')).toBe(MetricType.COUNTER);
    expect(types.get('container_memory_usage_bytes')).toBe(MetricType.GAUGE);
  });

  it('has no series of what is not known', () => {
    const { containers, ...pod } = full();
    const container = aContainer(1);
    const bare = { sandbox: pod.sandbox, cgroupPath: '', processes: 0, containers: [{ container, cgroupPath: '' }] };
    expect(fromSandboxMetrics(bare)).toMatchObject({ metrics: [], containerMetrics: [{ metrics: [] }] });
    const unlimited = containers.map((stats) => ({ ...stats, container: { ...stats.container, resources: {} } }));
    expect(valuesOf({ ...pod, containers: unlimited }, 'container_spec_cpu_quota')).toEqual([]);
    expect(valuesOf({ ...pod, containers: unlimited }, 'container_cpu_cfs_periods_total')).toEqual([]);
  });
});
