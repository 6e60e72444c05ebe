import type { CgroupSample, ContainerStats, CpuUsage, MemoryUsage } from './stats-types.ts';

/** What containers use together, as of the newest sample; undefined when none has been sampled. Pressure has no sum. */
export function sumOf(containers: readonly ContainerStats[]): CgroupSample | undefined {
  const samples = containers.flatMap(({ usage }) => (usage === undefined ? [] : [usage]));
  const [first] = samples;
  if (first === undefined) return undefined;
  const cpus = samples.flatMap(({ cpu }) => (cpu === undefined ? [] : [cpu]));
  const memories = samples.flatMap(({ memory }) => (memory === undefined ? [] : [memory]));
  const rates = samples.flatMap(({ nanoCores }) => (nanoCores === undefined ? [] : [nanoCores]));
  return {
    timestamp: samples.reduce((newest, { timestamp }) => (timestamp > newest ? timestamp : newest), first.timestamp),
    hugepages: [],
    ...(cpus.length === 0 ? {} : { cpu: sumOfCpu(cpus) }),
    ...(memories.length === 0 ? {} : { memory: sumOfMemory(memories) }),
    // A rate of some of them would be too low.
    ...(rates.length < samples.length ? {} : { nanoCores: total(rates, (rate) => rate) }),
  };
}

function sumOfCpu(cpus: readonly CpuUsage[]): CpuUsage {
  return {
    usageNanos: total(cpus, (cpu) => cpu.usageNanos),
    userNanos: total(cpus, (cpu) => cpu.userNanos ?? 0),
    systemNanos: total(cpus, (cpu) => cpu.systemNanos ?? 0),
  };
}

function sumOfMemory(memories: readonly MemoryUsage[]): MemoryUsage {
  return {
    usageBytes: total(memories, (memory) => memory.usageBytes),
    workingSetBytes: total(memories, (memory) => memory.workingSetBytes),
    rssBytes: total(memories, (memory) => memory.rssBytes),
    cacheBytes: total(memories, (memory) => memory.cacheBytes),
    mappedFileBytes: total(memories, (memory) => memory.mappedFileBytes),
    activeFileBytes: total(memories, (memory) => memory.activeFileBytes),
    inactiveFileBytes: total(memories, (memory) => memory.inactiveFileBytes),
    limitHits: total(memories, (memory) => memory.limitHits),
    oomKills: total(memories, (memory) => memory.oomKills),
    faults: {
      all: total(memories, ({ faults }) => faults.all),
      major: total(memories, ({ faults }) => faults.major),
    },
  };
}

function total<T>(items: readonly T[], valueOf: (item: T) => number): number {
  return items.reduce((sum, item) => sum + valueOf(item), 0);
}
