import type { IMetricDescriptor } from '../generated/cri.js';

/** Labels of every series, named as those of the kubelet's own collector, so that queries and dashboards keep working. */
const BASE = ['container', 'id', 'image', 'name', 'namespace', 'pod'] as const;

interface Described {
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Labels that come after the base ones. */
  readonly labels?: readonly string[];
}

const DEVICE = ['device'] as const;
const INTERFACE = ['interface'] as const;

/** Every metric, by name. Values are whole numbers: the interface has no others, not even for seconds. */
export const METRICS = {
  container_cpu_usage_seconds_total: { type: 'counter', help: 'Processor time, of all cores together.' },
  container_cpu_user_seconds_total: { type: 'counter', help: 'Processor time in user mode.' },
  container_cpu_system_seconds_total: { type: 'counter', help: 'Processor time in the kernel.' },
  container_cpu_cfs_periods_total: {
    type: 'counter',
    help: 'Periods in which the quota of processor time was counted.',
  },
  container_cpu_cfs_throttled_periods_total: { type: 'counter', help: 'Periods in which the quota was used up.' },
  container_cpu_cfs_throttled_seconds_total: { type: 'counter', help: 'Time spent waiting for the next period.' },
  container_cpu_cfs_burst_periods_total: { type: 'counter', help: 'Periods in which saved quota was used.' },
  container_cpu_cfs_burst_seconds_total: { type: 'counter', help: 'Saved quota that was used.' },

  container_memory_usage_bytes: { type: 'gauge', help: 'Memory in use, file pages included.' },
  container_memory_working_set_bytes: { type: 'gauge', help: 'Memory in use without inactive file pages.' },
  container_memory_max_usage_bytes: { type: 'gauge', help: 'The most memory that was in use.' },
  container_memory_rss: { type: 'gauge', help: 'Anonymous memory in bytes.' },
  container_memory_cache: { type: 'gauge', help: 'File pages in bytes.' },
  container_memory_mapped_file: { type: 'gauge', help: 'Mapped file pages in bytes.' },
  container_memory_kernel_usage: { type: 'gauge', help: 'Kernel memory in bytes.' },
  container_memory_swap: { type: 'gauge', help: 'Swap in use in bytes.' },
  container_memory_failcnt: { type: 'counter', help: 'How often the limit of memory was met.' },
  container_memory_total_active_file_bytes: { type: 'gauge', help: 'Active file pages.' },
  container_memory_total_inactive_file_bytes: { type: 'gauge', help: 'Inactive file pages.' },
  container_memory_failures_total: { type: 'counter', help: 'Page faults.', labels: ['failure_type', 'scope'] },
  container_oom_events_total: { type: 'counter', help: 'Processes killed for want of memory.' },
  container_hugetlb_usage_bytes: { type: 'gauge', help: 'Huge pages in use.', labels: ['pagesize'] },
  container_hugetlb_max_usage_bytes: { type: 'gauge', help: 'The most huge pages in use.', labels: ['pagesize'] },

  container_pressure_cpu_waiting_seconds_total: {
    type: 'counter',
    help: 'Time in which a task waited for a processor.',
  },
  container_pressure_cpu_stalled_seconds_total: {
    type: 'counter',
    help: 'Time in which all tasks waited for a processor.',
  },
  container_pressure_memory_waiting_seconds_total: { type: 'counter', help: 'Time in which a task waited for memory.' },
  container_pressure_memory_stalled_seconds_total: {
    type: 'counter',
    help: 'Time in which all tasks waited for memory.',
  },
  container_pressure_io_waiting_seconds_total: { type: 'counter', help: 'Time in which a task waited for a disk.' },
  container_pressure_io_stalled_seconds_total: { type: 'counter', help: 'Time in which all tasks waited for a disk.' },

  container_fs_usage_bytes: { type: 'gauge', help: 'What was written over the image.', labels: DEVICE },
  container_fs_limit_bytes: { type: 'gauge', help: 'Size of the file system written to.', labels: DEVICE },
  container_fs_inodes_total: { type: 'gauge', help: 'Inodes of the file system written to.', labels: DEVICE },
  container_fs_inodes_free: { type: 'gauge', help: 'Free inodes of the file system written to.', labels: DEVICE },
  container_fs_reads_total: { type: 'counter', help: 'Reads from a device.', labels: DEVICE },
  container_fs_reads_bytes_total: { type: 'counter', help: 'Bytes read from a device.', labels: DEVICE },
  container_fs_writes_total: { type: 'counter', help: 'Writes to a device.', labels: DEVICE },
  container_fs_writes_bytes_total: { type: 'counter', help: 'Bytes written to a device.', labels: DEVICE },
  container_blkio_device_usage_total: {
    type: 'counter',
    help: 'Bytes moved to and from a device.',
    labels: ['device', 'major', 'minor', 'operation'],
  },

  container_network_receive_bytes_total: { type: 'counter', help: 'Bytes received.', labels: INTERFACE },
  container_network_receive_packets_total: { type: 'counter', help: 'Packets received.', labels: INTERFACE },
  container_network_receive_packets_dropped_total: {
    type: 'counter',
    help: 'Packets dropped on the way in.',
    labels: INTERFACE,
  },
  container_network_receive_errors_total: { type: 'counter', help: 'Errors on the way in.', labels: INTERFACE },
  container_network_transmit_bytes_total: { type: 'counter', help: 'Bytes sent.', labels: INTERFACE },
  container_network_transmit_packets_total: { type: 'counter', help: 'Packets sent.', labels: INTERFACE },
  container_network_transmit_packets_dropped_total: {
    type: 'counter',
    help: 'Packets dropped on the way out.',
    labels: INTERFACE,
  },
  container_network_transmit_errors_total: { type: 'counter', help: 'Errors on the way out.', labels: INTERFACE },

  container_processes: { type: 'gauge', help: 'Processes.' },
  container_threads: { type: 'gauge', help: 'Threads.' },
  container_threads_max: { type: 'gauge', help: 'Limit of threads; 0 is none.' },
  container_file_descriptors: { type: 'gauge', help: 'Open files.' },
  container_sockets: { type: 'gauge', help: 'Open sockets.' },
  container_tasks_state: { type: 'gauge', help: 'Threads by what they are doing.', labels: ['state'] },
  container_ulimits_soft: { type: 'gauge', help: 'Soft limits of the first process.', labels: ['ulimit'] },

  container_start_time_seconds: { type: 'gauge', help: 'Unix time of the start.' },
  container_last_seen: { type: 'gauge', help: 'Unix time of the sample.' },
  container_spec_cpu_period: { type: 'gauge', help: 'Period of the quota in microseconds.' },
  container_spec_cpu_quota: { type: 'gauge', help: 'Quota of processor time in microseconds.' },
  container_spec_cpu_shares: { type: 'gauge', help: 'Share of processor time.' },
  container_spec_memory_limit_bytes: { type: 'gauge', help: 'Limit of memory; 0 is none.' },
  container_spec_memory_reservation_limit_bytes: { type: 'gauge', help: 'Memory set aside; 0 is none.' },
  container_spec_memory_swap_limit_bytes: { type: 'gauge', help: 'Limit of memory and swap together; 0 is none.' },
} as const satisfies Readonly<Record<string, Described>>;

export type MetricName = keyof typeof METRICS;

export const METRIC_DESCRIPTORS: readonly IMetricDescriptor[] = Object.entries<Described>(METRICS).map(
  ([name, { help, labels = [] }]) => ({ name, help, labelKeys: [...BASE, ...labels] }),
);
