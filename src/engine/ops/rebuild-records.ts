import { EngineError, messageOf } from '../errors.ts';
import type { ContainerId, SandboxId } from '../ids.ts';
import type { ListedObject } from '../runtime/task-types.ts';
import type { ContainerRecord, DamagedRecord, SandboxRecord } from '../store/index.ts';
import type { NamespacePaths, StringMap } from '../types/index.ts';
import { nowNanos } from '../clock.ts';
import type { OpsDeps } from './deps.ts';
import { readMarks } from './labels.ts';
import type { ObjectMarks } from './labels.ts';
import { DEFAULT_STOP_SIGNAL } from './signals.ts';

export type RebuildDeps = Pick<
  OpsDeps,
  'store' | 'objects' | 'namespaces' | 'marks' | 'cgroups' | 'handlers' | 'images' | 'logger'
>;

const NANOS_PER_MS = 1_000_000n;

interface Found {
  readonly object: ListedObject;
  readonly marks: ObjectMarks;
}

/**
 * Makes records anew in the place of those that cannot be read, from the labels of containerd's objects: a sandbox is not
 * ready, a container unknown, so that the kubelet sees them, ends them and makes them again. What has no object in
 * containerd cannot be rebuilt; it stays reported, and nothing of it is removed.
 */
export async function rebuildRecords(deps: RebuildDeps, signal: AbortSignal): Promise<void> {
  const { store, logger } = deps;
  const damaged = [...store.sandboxes.damaged, ...store.containers.damaged];
  if (damaged.length === 0) return;
  const [objects, pinned] = await Promise.all([deps.objects.list(signal), deps.namespaces.list()]);
  const found = objects.flatMap((object): readonly Found[] => {
    const marks = readMarks(object.labels);
    return marks === undefined ? [] : [{ object, marks }];
  });
  const pins = new Map<string, NamespacePaths>(pinned.map(({ sandboxId, namespaces }) => [sandboxId, namespaces]));
  for (const record of store.sandboxes.damaged) {
    await guarded(deps, record, async () => {
      const own = found.filter(({ marks }) => marks.sandboxId === record.id);
      await store.sandboxes.rebuild(rebuiltSandbox(deps, record, own, pins.get(record.id ?? '') ?? {}));
    });
  }
  for (const record of store.containers.damaged) {
    await guarded(deps, record, async () => {
      const own = found.find(({ object, marks }) => object.id === record.id && marks.container !== undefined);
      await store.containers.rebuild(rebuiltContainer(deps, record, own));
    });
  }
  logger.warn(
    { damaged: damaged.length, left: store.sandboxes.damaged.length + store.containers.damaged.length },
    'records were rebuilt',
  );
}

async function guarded({ logger }: RebuildDeps, record: DamagedRecord, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    logger.error(
      { path: record.path, error: messageOf(error) },
      'a damaged record cannot be rebuilt; all of it is left alone',
    );
  }
}

function rebuiltSandbox(
  deps: RebuildDeps,
  damaged: DamagedRecord,
  found: readonly Found[],
  namespaces: NamespacePaths,
): SandboxRecord {
  const pause = found.find(({ marks }) => marks.container === undefined);
  const { object, marks } = pause ?? found[0] ?? missing('no object of containerd belongs to the sandbox');
  const id = marks.sandboxId;
  const network = namespaces.network !== undefined;
  return {
    id,
    spec: {
      metadata: { ...marks.pod },
      portMappings: [],
      labels: kubernetesOf(object.labels, POD_LABELS),
      annotations: {},
      handler: '',
      sysctls: {},
      // A host's network has no pin; DEL of what was not attached is success.
      namespaces: { network: network ? 'pod' : 'node', pid: pause === undefined ? 'container' : 'pod', ipc: 'pod' },
      privileged: false,
      security: {
        supplementalGroups: [],
        readonlyRootfs: false,
        seccomp: { kind: 'runtime-default' },
        apparmor: { kind: 'runtime-default' },
      },
    },
    createdAt: BigInt(object.createdAtMs) * NANOS_PER_MS,
    state: { phase: 'not-ready', reason: `its record was damaged: ${damaged.problem}`, since: nowNanos() },
    namespaces,
    configHash: '',
    handlerName: deps.handlers.resolve('').name,
    cgroupParent: deps.marks.get(id)?.cgroupPath ?? deps.cgroups.podParent(id, undefined),
    networkRequested: true,
  };
}

function rebuiltContainer(deps: RebuildDeps, damaged: DamagedRecord, found: Found | undefined): ContainerRecord {
  const { object, marks } = found ?? missing('containerd has no such container');
  const id = object.id as ContainerId; // the mark says that davit made it, with an id of its own
  const handler = deps.handlers.resolve('');
  const image = deps.images.get(object.image);
  return {
    id,
    sandboxId: marks.sandboxId,
    spec: {
      metadata: marks.container ?? missing('its mark names no container'),
      image: { image: object.image, annotations: {} },
      command: [],
      args: [],
      env: [],
      mounts: [],
      devices: [],
      labels: kubernetesOf(object.labels),
      annotations: {},
      stdin: false,
      stdinOnce: false,
      tty: false,
      security: {
        privileged: false,
        addCapabilities: [],
        dropCapabilities: [],
        addAmbientCapabilities: [],
        pid: 'container',
        supplementalGroups: [],
        supplementalGroupsPolicy: 'merge',
        readonlyRootfs: false,
        noNewPrivs: false,
        maskedPaths: [],
        readonlyPaths: [],
        seccomp: { kind: 'runtime-default' },
        apparmor: { kind: 'runtime-default' },
      },
      resources: {},
    },
    createdAt: BigInt(object.createdAtMs) * NANOS_PER_MS,
    state: { phase: 'unknown', reason: `its record was damaged: ${damaged.problem}` },
    imageId: image?.id ?? object.image,
    imageRef: image?.repoDigests[0] ?? object.image,
    user: { uid: 0, gid: 0, supplementalGroups: [] },
    stopSignal: DEFAULT_STOP_SIGNAL,
    resources: {},
    snapshotter: handler.config.snapshotter,
    snapshotKey: id,
    runtimeType: handler.config.type,
    configHash: '',
    handlerName: handler.name,
    cgroupPath: deps.marks.get(id)?.cgroupPath ?? deps.cgroups.containerPath(parentOf(deps, marks.sandboxId), id),
  };
}

function parentOf({ store, marks, cgroups }: RebuildDeps, id: SandboxId): string {
  return store.sandboxes.get(id)?.cgroupParent ?? marks.get(id)?.cgroupPath ?? cgroups.podParent(id, undefined);
}

/** By which the kubelet looks for a pod's sandboxes. */
const POD_LABELS = ['io.kubernetes.pod.name', 'io.kubernetes.pod.namespace', 'io.kubernetes.pod.uid'];

function kubernetesOf(labels: StringMap, only?: readonly string[]): StringMap {
  const carried = Object.entries(labels).filter(([key]) => only?.includes(key) ?? key.startsWith('io.kubernetes.'));
  return Object.fromEntries(carried);
}

function missing(what: string): never {
  throw new EngineError('not-found', what);
}
