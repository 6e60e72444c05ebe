import type { Container, Nanos, Sandbox } from '../types/index.ts';

/**
 * What pods and containers use, as the kernel counts it. Numbers beyond 2^53 (processor time, mostly) lose their last
 * digits, which are nanoseconds. What a kernel does not count is absent.
 */

/** Time lost to waiting for one resource (pressure stall information). */
export interface Pressure {
  /** While at least one task waited. */
  readonly some: PressureTimes;
  /** While every task waited. */
  readonly full?: PressureTimes;
}

export interface PressureTimes {
  readonly totalNanos: number;
  /** Percent over the last 10, 60 and 300 seconds. */
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
}

/** Processor time since the cgroup exists, of all cores together. */
export interface CpuUsage {
  readonly usageNanos: number;
  readonly userNanos?: number;
  readonly systemNanos?: number;
  readonly throttling?: Throttling;
  readonly pressure?: Pressure;
}

/** How a quota was met. */
export interface Throttling {
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNanos: number;
  readonly bursts: number;
  readonly burstNanos: number;
}

export interface MemoryUsage {
  readonly usageBytes: number;
  /** Usage without the file pages that were not used lately. */
  readonly workingSetBytes: number;
  /** Absent: none. */
  readonly limitBytes?: number;
  /** Anonymous memory. */
  readonly rssBytes: number;
  readonly cacheBytes: number;
  readonly mappedFileBytes: number;
  readonly activeFileBytes: number;
  readonly inactiveFileBytes: number;
  readonly kernelBytes?: number;
  /** The most that was ever used. */
  readonly peakBytes?: number;
  /** How often the limit was met. */
  readonly limitHits: number;
  readonly oomKills: number;
  /** Of the cgroup and those below it. */
  readonly faults: PageFaults;
  /** Of the cgroup alone; absent where the kernel does not count them apart. */
  readonly ownFaults?: PageFaults;
  readonly pressure?: Pressure;
}

export interface PageFaults {
  readonly all: number;
  /** Those that had to read from disk. */
  readonly major: number;
}

export interface SwapUsage {
  readonly usageBytes: number;
  /** Absent: none. */
  readonly limitBytes?: number;
}

export interface IoUsage {
  readonly devices: readonly DeviceIo[];
  readonly pressure?: Pressure;
}

export interface DeviceIo {
  readonly major: number;
  readonly minor: number;
  /** `/dev/…`; absent when no block device has these numbers. */
  readonly name?: string;
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly reads: number;
  readonly writes: number;
}

export interface TaskUsage {
  /** Tasks, which are threads. */
  readonly threads: number;
  /** Absent: none. */
  readonly limit?: number;
}

export interface HugepageUsage {
  /** As limits name it: `2MB`. */
  readonly pageSize: string;
  readonly usageBytes: number;
  readonly peakBytes?: number;
}

/** One look at a cgroup. */
export interface CgroupUsage {
  readonly cpu?: CpuUsage;
  readonly memory?: MemoryUsage;
  readonly swap?: SwapUsage;
  readonly io?: IoUsage;
  readonly tasks?: TaskUsage;
  readonly hugepages: readonly HugepageUsage[];
}

export interface CgroupSample extends CgroupUsage {
  readonly timestamp: Nanos;
  /** Billionths of a core, over the time between two samples; absent until there are two. */
  readonly nanoCores?: number;
}

/** What a container wrote over its image. */
export interface WritableLayer {
  readonly timestamp: Nanos;
  readonly usedBytes: number;
  readonly inodesUsed: number;
  /** The folder where the snapshotter keeps it, and what the file system there has in all; absent when not known. */
  readonly filesystem?: Filesystem;
}

export interface Filesystem {
  readonly mountpoint: string;
  readonly device: string;
  readonly totalBytes: number;
  readonly totalInodes: number;
  readonly freeInodes: number;
}

/** `uninterruptible` waits for a device or a lock of the kernel's; `stopped` is by a signal or a debugger. */
export type TaskState = 'running' | 'sleeping' | 'uninterruptible' | 'stopped';

/** What a container's processes hold. */
export interface ProcessDetails {
  readonly timestamp: Nanos;
  readonly fileDescriptors: number;
  readonly sockets: number;
  /** Threads by what they were doing. */
  readonly taskStates: Readonly<Record<TaskState, number>>;
  /** Soft limits of the first process, by name, such as max_open_files; unlimited ones are left out. */
  readonly softLimits: Readonly<Record<string, number>>;
}

/** A container and what is known of it; frozen, and another object after each new sample. */
export interface ContainerStats {
  readonly container: Container;
  readonly cgroupPath: string;
  readonly usage?: CgroupSample;
  /** Of the container's cgroup and those below it; taken with `usage`. */
  readonly processes?: number;
  readonly writableLayer?: WritableLayer;
  readonly details?: ProcessDetails;
}

export interface InterfaceUsage {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

/** A pod's interfaces but `lo`, the primary one first. */
export interface NetworkSample {
  readonly timestamp: Nanos;
  readonly interfaces: readonly InterfaceUsage[];
}

/** A pod, its running containers, and what is known of them; frozen, and another object after each new sample. */
export interface SandboxStats {
  readonly sandbox: Sandbox;
  /** Of the pod's own cgroup, where it has one; else the sum over its running containers. */
  readonly cgroupPath: string;
  readonly usage?: CgroupSample;
  readonly processes: number;
  /** Absent for a pod on the node's network, and for one in which nothing ever ran. */
  readonly network?: NetworkSample;
  readonly containers: readonly ContainerStats[];
}

export interface ContainerStatsFilter {
  readonly id?: string;
  readonly sandboxId?: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface SandboxStatsFilter {
  readonly id?: string;
  readonly labels: Readonly<Record<string, string>>;
}
