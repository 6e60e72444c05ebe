import type {
  CgroupSample,
  ContainerStats,
  ContainerStatsFilter,
  InterfaceUsage,
  NetworkSample,
  Pressure,
  PressureTimes,
  SandboxStats,
  SandboxStatsFilter,
  WritableLayer,
} from '../../engine/index.ts';
import type * as cri from '../generated/cri.js';
import { compact } from './compact.ts';
import { copy } from './maps.ts';
import { toLong, toUnsignedLong } from './numbers.ts';

export function toContainerStatsFilter(filter: cri.ContainerStatsFilter | null): ContainerStatsFilter {
  return compact({
    id: filter?.id ? filter.id : undefined,
    sandboxId: filter?.podSandboxId ? filter.podSandboxId : undefined,
    labels: copy(filter?.labelSelector ?? {}),
  });
}

export function toSandboxStatsFilter(filter: cri.PodSandboxStatsFilter | null): SandboxStatsFilter {
  return compact({ id: filter?.id ? filter.id : undefined, labels: copy(filter?.labelSelector ?? {}) });
}

/** What has not been sampled is left out: a zero would be a value. */
export function fromContainerStats({ container, usage, writableLayer }: ContainerStats): cri.IContainerStats {
  const { id, spec } = container;
  return {
    attributes: { id, metadata: spec.metadata, labels: spec.labels, annotations: spec.annotations },
    cpu: fromCpu(usage),
    memory: fromMemory(usage),
    swap: fromSwap(usage),
    io: fromIo(usage),
    writableLayer: writableLayer === undefined ? null : fromLayer(writableLayer),
  };
}

export function fromSandboxStats(stats: SandboxStats): cri.IPodSandboxStats {
  const { sandbox, usage, network, containers } = stats;
  const { id, spec } = sandbox;
  return {
    attributes: { id, metadata: spec.metadata, labels: spec.labels, annotations: spec.annotations },
    linux: {
      cpu: fromCpu(usage),
      memory: fromMemory(usage),
      io: fromIo(usage),
      network: network === undefined ? null : fromNetwork(network),
      process:
        usage === undefined ? null : { timestamp: toLong(usage.timestamp), processCount: value(stats.processes) },
      containers: containers.map(fromContainerStats),
    },
  };
}

function fromCpu(usage: CgroupSample | undefined): cri.ICpuUsage | null {
  if (usage?.cpu === undefined) return null;
  return {
    timestamp: toLong(usage.timestamp),
    usageCoreNanoSeconds: value(usage.cpu.usageNanos),
    usageNanoCores: value(usage.nanoCores),
    psi: fromPressure(usage.cpu.pressure),
  };
}

function fromMemory(usage: CgroupSample | undefined): cri.IMemoryUsage | null {
  const memory = usage?.memory;
  if (usage === undefined || memory === undefined) return null;
  const { limitBytes, workingSetBytes } = memory;
  return {
    timestamp: toLong(usage.timestamp),
    workingSetBytes: value(workingSetBytes),
    availableBytes: limitBytes === undefined ? null : value(Math.max(0, limitBytes - workingSetBytes)),
    usageBytes: value(memory.usageBytes),
    rssBytes: value(memory.rssBytes),
    pageFaults: value(memory.faults.all),
    majorPageFaults: value(memory.faults.major),
    psi: fromPressure(memory.pressure),
  };
}

function fromSwap(usage: CgroupSample | undefined): cri.ISwapUsage | null {
  if (usage?.swap === undefined) return null;
  const { usageBytes, limitBytes } = usage.swap;
  return {
    timestamp: toLong(usage.timestamp),
    swapUsageBytes: value(usageBytes),
    swapAvailableBytes: limitBytes === undefined ? null : value(Math.max(0, limitBytes - usageBytes)),
  };
}

function fromIo(usage: CgroupSample | undefined): cri.IIoUsage | null {
  if (usage?.io === undefined) return null;
  return { timestamp: toLong(usage.timestamp), psi: fromPressure(usage.io.pressure) };
}

function fromPressure(pressure: Pressure | undefined): cri.IPsiStats | null {
  if (pressure === undefined) return null;
  return { Some: fromTimes(pressure.some), Full: pressure.full === undefined ? null : fromTimes(pressure.full) };
}

function fromTimes({ totalNanos, avg10, avg60, avg300 }: PressureTimes): cri.IPsiData {
  return { Total: toUnsignedLong(totalNanos), Avg10: avg10, Avg60: avg60, Avg300: avg300 };
}

function fromLayer({ timestamp, usedBytes, inodesUsed, filesystem }: WritableLayer): cri.IFilesystemUsage {
  return {
    timestamp: toLong(timestamp),
    fsId: filesystem === undefined ? null : { mountpoint: filesystem.mountpoint },
    usedBytes: value(usedBytes),
    inodesUsed: value(inodesUsed),
  };
}

function fromNetwork({ timestamp, interfaces }: NetworkSample): cri.INetworkUsage {
  const [primary, ...others] = interfaces.map(fromInterface);
  return { timestamp: toLong(timestamp), defaultInterface: primary ?? null, interfaces: others };
}

function fromInterface({ name, rxBytes, rxErrors, txBytes, txErrors }: InterfaceUsage): cri.INetworkInterfaceUsage {
  return {
    name,
    rxBytes: value(rxBytes),
    rxErrors: value(rxErrors),
    txBytes: value(txBytes),
    txErrors: value(txErrors),
  };
}

function value(number: number | undefined): cri.IUInt64Value | null {
  return number === undefined ? null : { value: toUnsignedLong(number) };
}
