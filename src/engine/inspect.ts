import type { ContainerObjects } from './runtime/task-types.ts';
import type { ContainerRecord, SandboxRecord } from './store/index.ts';

type Info = Readonly<Record<string, unknown>>;

/** What verbose PodSandboxStatus shows. */
export async function inspectSandbox(
  objects: Pick<ContainerObjects, 'spec'>,
  record: SandboxRecord,
  signal: AbortSignal,
): Promise<Info> {
  const { pausePid, namespaces, network } = record;
  return {
    ...(pausePid === undefined
      ? {}
      : { pid: pausePid, runtimeSpec: await objects.spec(record.id, signal).catch(() => undefined) }),
    ...(namespaces.network === undefined ? {} : { netNamespace: namespaces.network }),
    ...(network?.cniResult === undefined ? {} : { cniResult: network.cniResult }),
    runtimeHandler: record.handlerName,
    cgroupParent: record.cgroupParent,
    state: record.state.phase,
    ...(record.state.phase === 'not-ready' ? { reason: record.state.reason } : {}),
  };
}

/** What verbose ContainerStatus shows. */
export async function inspectContainer(
  objects: Pick<ContainerObjects, 'spec'>,
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
    // Reading the record must work where containerd does not answer.
    runtimeSpec: await objects.spec(record.id, signal).catch(() => undefined),
  };
}
