import { messageOf } from './errors.ts';
import type { NetworkService } from './network/index.ts';
import type { ContainerObjects } from './runtime/task-types.ts';
import type { ContainerRecord, SandboxRecord } from './store/index.ts';
import type { PodResources } from './types/index.ts';

type Info = Readonly<Record<string, unknown>>;

export interface InspectContainerDeps {
  readonly objects: Pick<ContainerObjects, 'spec'>;
  /** A status is answered at once: a containerd that is away is not waited for. */
  readonly containerd: { status(): { readonly ready: boolean } };
}

export interface InspectSandboxDeps extends InspectContainerDeps {
  readonly network: Pick<NetworkService, 'check'>;
}

/** What verbose PodSandboxStatus shows. It is for people, so the plugins are asked whether the network is as it should be. */
export async function inspectSandbox(
  deps: InspectSandboxDeps,
  record: SandboxRecord,
  signal: AbortSignal,
): Promise<Info> {
  const { pausePid, namespaces, network } = record;
  return {
    ...(pausePid === undefined ? {} : { pid: pausePid, runtimeSpec: await specOf(deps, record.id, signal) }),
    ...(namespaces.network === undefined ? {} : { netNamespace: namespaces.network }),
    ...(network?.cniResult === undefined ? {} : { cniResult: network.cniResult }),
    ...(network !== undefined && record.state.phase === 'ready'
      ? { networkCheck: await checkNetwork(deps.network, record, signal) }
      : {}),
    runtimeHandler: record.handlerName,
    cgroupParent: record.cgroupParent,
    ...podResourcesOf(record),
    state: record.state.phase,
    ...(record.state.phase === 'not-ready' ? { reason: record.state.reason } : {}),
  };
}

function podResourcesOf({ spec, podResources }: SandboxRecord): PodResources {
  const { overhead, resources } = podResources ?? spec;
  return { ...(overhead === undefined ? {} : { overhead }), ...(resources === undefined ? {} : { resources }) };
}

async function checkNetwork(
  networks: InspectSandboxDeps['network'],
  record: SandboxRecord,
  signal: AbortSignal,
): Promise<string> {
  try {
    await networks.check(record.id, signal);
    return 'ok';
  } catch (error) {
    return messageOf(error);
  }
}

/** What verbose ContainerStatus shows. */
export async function inspectContainer(
  deps: InspectContainerDeps,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<Info> {
  return {
    ...(record.state.phase === 'running' ? { pid: record.state.pid } : {}),
    sandboxID: record.sandboxId,
    snapshotKey: record.snapshotKey,
    snapshotter: record.snapshotter,
    runtimeType: record.runtimeType,
    runtimeHandler: record.handlerName,
    runtimeSpec: await specOf(deps, record.id, signal),
  };
}

/** Reading the record must work where containerd does not answer. */
async function specOf(
  { objects, containerd }: InspectContainerDeps,
  id: string,
  signal: AbortSignal,
): Promise<unknown> {
  return containerd.status().ready ? await objects.spec(id, signal).catch(() => undefined) : undefined;
}
