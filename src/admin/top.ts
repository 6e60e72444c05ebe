import type {
  CgroupSample,
  Container,
  ContainerStats,
  Engine,
  LinuxResources,
  NetworkSample,
  SandboxStats,
} from '../engine/index.ts';
import type {
  IContainerUsage,
  IInterfaceCounters,
  INodeUsage,
  IPodUsage,
  ITopReply,
  IUsage,
  TopRequest,
} from './generated/admin.js';
import { fromMs, optionalLong, toLong } from './numbers.ts';

export type TopVerbs = Pick<Engine, 'listSandboxStats' | 'listContainers'>;

/** What pods use, by the samples in memory. */
export async function topReply(engine: TopVerbs, node: () => INodeUsage, request: TopRequest): Promise<ITopReply> {
  const { sandboxId, labels } = request;
  const stats = await engine.listSandboxStats({ labels, ...(sandboxId === '' ? {} : { id: sandboxId }) });
  const wanted = stats.filter(({ sandbox }) => isWanted(sandbox.spec.metadata, request));
  const containers = Map.groupBy(engine.listContainers({ labels: {} }), (container) => container.sandboxId);
  return {
    time: fromMs(Date.now()),
    node: node(),
    pods: wanted.map((pod) => fromPod(pod, containers.get(pod.sandbox.id) ?? [])),
  };
}

function isWanted(
  { namespace, name }: SandboxStats['sandbox']['spec']['metadata'],
  { podNamespace, podName }: TopRequest,
): boolean {
  return (podNamespace === '' || namespace === podNamespace) && (podName === '' || name === podName);
}

function fromPod(
  { sandbox, usage, processes, network, containers }: SandboxStats,
  all: readonly Container[],
): IPodUsage {
  const { id, spec, createdAt, state } = sandbox;
  const running = new Map(containers.map((stats) => [stats.container.id, stats]));
  return {
    id,
    ...spec.metadata,
    state: state.phase,
    createdAt: toLong(createdAt),
    usage: fromUsage(usage, processes, sandbox.podResources?.resources ?? spec.resources),
    interfaces: fromNetwork(network),
    containers: all.map((container) => fromContainer(container, running.get(container.id))),
    ips: sandbox.network?.ips ?? [],
  };
}

function fromContainer(container: Container, stats: ContainerStats | undefined): IContainerUsage {
  const { id, spec, createdAt, state, resources } = container;
  const startedAt = state.phase === 'running' || state.phase === 'exited' ? state.startedAt : undefined;
  return {
    id,
    name: spec.metadata.name,
    restarts: spec.metadata.attempt,
    state: state.phase,
    createdAt: toLong(createdAt),
    startedAt: optionalLong(startedAt),
    image: spec.image.userSpecified ?? spec.image.image,
    usage: fromUsage(stats?.usage, stats?.processes, resources),
    writableLayerBytes: optionalLong(stats?.writableLayer?.usedBytes),
    exitCode: state.phase === 'exited' ? state.exitCode : null,
  };
}

function fromUsage(
  usage: CgroupSample | undefined,
  processes: number | undefined,
  limits: LinuxResources | undefined,
): IUsage {
  const cpuLimitNanoCores = optionalLong(cpuLimit(limits));
  if (usage === undefined) {
    return { cpuLimitNanoCores, memoryLimitBytes: optionalLong(limits?.memoryLimitBytes) };
  }
  const { cpu, memory, swap, io } = usage;
  return {
    time: toLong(usage.timestamp),
    cpuNanoCores: optionalLong(usage.nanoCores),
    cpuUsageNanos: optionalLong(cpu?.usageNanos),
    cpuLimitNanoCores,
    memoryWorkingSetBytes: optionalLong(memory?.workingSetBytes),
    memoryRssBytes: optionalLong(memory?.rssBytes),
    memoryLimitBytes: optionalLong(memory?.limitBytes ?? limits?.memoryLimitBytes),
    swapBytes: optionalLong(swap?.usageBytes),
    ioReadBytes: optionalLong(io?.devices.reduce((sum, { readBytes }) => sum + readBytes, 0)),
    ioWriteBytes: optionalLong(io?.devices.reduce((sum, { writeBytes }) => sum + writeBytes, 0)),
    processes: optionalLong(processes),
  };
}

/** The kernel's, where a request leaves the period to it. */
const DEFAULT_PERIOD_US = 100_000;
const NANO = 1_000_000_000;

function cpuLimit(limits: LinuxResources | undefined): number | undefined {
  const { cpuQuotaUs = 0, cpuPeriodUs = DEFAULT_PERIOD_US } = limits ?? {};
  return cpuQuotaUs > 0 ? Math.round((cpuQuotaUs / cpuPeriodUs) * NANO) : undefined;
}

function fromNetwork(network: NetworkSample | undefined): readonly IInterfaceCounters[] {
  return (network?.interfaces ?? []).map(({ name, rxBytes, rxPackets, rxErrors, txBytes, txPackets, txErrors }) => ({
    name,
    rxBytes: toLong(rxBytes),
    rxPackets: toLong(rxPackets),
    rxErrors: toLong(rxErrors),
    txBytes: toLong(txBytes),
    txPackets: toLong(txPackets),
    txErrors: toLong(txErrors),
  }));
}
