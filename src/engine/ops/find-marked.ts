import { posix } from 'node:path';
import { findFolders } from '../reconcile/index.ts';
import type { FolderThing, Known, Mark, MarkedThing, Marks } from '../reconcile/index.ts';
import type { ShimProcess } from '../runtime/shim-processes.ts';
import { containerName, sandboxName } from '../store/index.ts';
import type { Store } from '../store/index.ts';
import type { OpsDeps } from './deps.ts';
import { LABEL_SANDBOX } from './labels.ts';

export type FindMarkedDeps = Pick<
  OpsDeps,
  | 'store'
  | 'jobs'
  | 'objects'
  | 'tasks'
  | 'layers'
  | 'handlers'
  | 'images'
  | 'network'
  | 'log'
  | 'cgroups'
  | 'marks'
  | 'shims'
> & {
  /** davit's state and root folders. */
  readonly state: string;
  readonly root: string;
};

/** What carries davit's mark, with what its removal needs to know. */
export type Marked =
  | FolderThing
  | (MarkedThing & { readonly kind: 'record'; readonly of: 'sandbox' | 'container' })
  | (MarkedThing & { readonly kind: 'container' | 'cgroup' | 'attachment' | 'output' | 'lease'; readonly of?: never })
  | (MarkedThing & { readonly kind: 'shim'; readonly shim: ShimProcess; readonly of?: never })
  | (MarkedThing & { readonly kind: 'snapshot'; readonly snapshotter: string; readonly of?: never });

const ID_LENGTH = 64;
const NANOS_PER_MS = 1_000_000n;
const RECORD_FILE = /([0-9a-f]{64})\.json$/;

/** What the records own, or may own. A container's record speaks for its sandbox, too, should that one's be lost. */
export function knownRecords({ sandboxes, containers }: Store, marks: Pick<Marks, 'get'>): Known {
  const damaged = [...sandboxes.damaged, ...containers.damaged].map(({ path }) => RECORD_FILE.exec(path)?.[1]);
  const all = containers.all();
  return {
    ids: new Set([...sandboxes.all().map(({ id }) => id), ...all.flatMap(({ id, sandboxId }) => [id, sandboxId])]),
    stopped: new Set(
      sandboxes
        .all()
        .filter(({ state }) => state.phase === 'not-ready')
        .map(({ id }) => id),
    ),
    damaged: new Set(damaged.filter((id) => id !== undefined).flatMap((id) => [id, marks.get(id)?.sandboxId ?? id])),
    hasNameless: damaged.includes(undefined),
  };
}

/**
 * Looks at all places where something of davit's may be. A place that cannot be looked at now is told by `failed`; the
 * others are looked at nevertheless.
 */
export async function findMarked(
  deps: FindMarkedDeps,
  signal: AbortSignal,
  failed: (error: unknown) => void,
): Promise<readonly Marked[]> {
  const places: readonly (() => Promise<readonly Marked[]>)[] = [
    async () => halfMadeRecords(deps),
    () => findFolders(deps.state, deps.root),
    () => findContainers(deps, signal),
    () => findShims(deps, signal),
    () => findCgroups(deps),
    () => findAttachments(deps),
    () => findSnapshots(deps, signal),
    () => findOutputs(deps, signal),
    () => findLeases(deps, signal),
  ];
  const results = await Promise.allSettled(places.map((place) => place()));
  for (const result of results) if (result.status === 'rejected') failed(result.reason);
  return withoutDoubles(results.flatMap((result) => (result.status === 'fulfilled' ? result.value : [])));
}

/** The pump's outputs have folders, which are found, too. */
function withoutDoubles(things: readonly Marked[]): readonly Marked[] {
  const withFolder = new Set(things.filter(({ of }) => of === 'io').map(({ owner }) => owner));
  return things.filter(({ kind, of, owner }) => kind !== 'output' || of === 'io' || !withFolder.has(owner));
}

/** Being made, by nobody any more: their undo has failed. */
function halfMadeRecords({ store, jobs }: FindMarkedDeps): readonly Marked[] {
  const sandboxes = store.sandboxes.all().map((record) => ({
    record,
    of: 'sandbox' as const,
    job: `sandbox ${sandboxName(record.spec.metadata)}`,
  }));
  const containers = store.containers.all().map((record) => ({
    record,
    of: 'container' as const,
    job: `container ${containerName(record.sandboxId, record.spec.metadata)}`,
  }));
  return [...containers, ...sandboxes]
    .filter(({ record, job }) => record.state.phase === 'creating' && !jobs.has(job))
    .map(({ record, of }) => ({
      kind: 'record',
      of,
      name: record.id,
      owner: record.id,
      madeAtMs: Number(record.createdAt / NANOS_PER_MS),
    }));
}

/** containerd's containers with our label, and tasks of ours that have none. */
async function findContainers(deps: FindMarkedDeps, signal: AbortSignal): Promise<readonly Marked[]> {
  const [objects, tasks] = await Promise.all([deps.objects.list(signal), deps.tasks.list(signal)]);
  const labelled = new Set(objects.map(({ id }) => id));
  const marks = tasks.map(({ id }) => deps.marks.get(id)).filter((mark) => mark !== undefined);
  const bare = marks.filter(({ id }) => !labelled.has(id));
  return [
    ...objects.map(({ id, labels, createdAtMs }) => ({
      kind: 'container' as const,
      name: id,
      owner: id,
      madeAtMs: createdAtMs,
      ...(labels[LABEL_SANDBOX] === undefined ? {} : { sandbox: labels[LABEL_SANDBOX] }),
    })),
    ...bare.map(({ id, sandboxId, madeAtMs }) => ({
      kind: 'container' as const,
      name: id,
      owner: id,
      sandbox: sandboxId,
      madeAtMs,
    })),
  ];
}

/** Without an age: a shim that has lost its last task is on its way out by itself for a moment. */
async function findShims(deps: FindMarkedDeps, signal: AbortSignal): Promise<readonly Marked[]> {
  const [shims, tasks] = await Promise.all([deps.shims.list(), deps.tasks.list(signal)]);
  // A task whose shim is slow to answer is missing in containerd's list.
  const running = deps.store.containers.all().filter(({ state }) => ['starting', 'running'].includes(state.phase));
  const busy = new Set([...tasks, ...running].map(({ id }) => podOf(deps, id)));
  return shims.flatMap((shim) => {
    const pod = podOf(deps, shim.id);
    if (pod === undefined) return [];
    const name = `pid ${shim.pid} of ${shim.id}`;
    return [{ kind: 'shim' as const, name, owner: pod, isInUse: busy.has(pod), shim }];
  });
}

function podOf({ marks, store }: FindMarkedDeps, id: string): string | undefined {
  return marks.get(id)?.sandboxId ?? store.containers.get(id)?.sandboxId;
}

async function findCgroups({ marks, cgroups }: FindMarkedDeps): Promise<readonly Marked[]> {
  const found: Marked[] = [];
  for (const mark of marks.all()) {
    for (const path of cgroupsOf(mark, cgroups)) {
      if (!(await cgroups.exists(path))) continue;
      const { id, sandboxId, madeAtMs } = mark;
      found.push({ kind: 'cgroup', name: path, owner: id, sandbox: sandboxId, madeAtMs });
    }
  }
  return found;
}

/** A container's own; of a pod its pause process', and the parent only where that was made for the pod. */
function cgroupsOf({ id, sandboxId, cgroupPath }: Mark, cgroups: FindMarkedDeps['cgroups']): readonly string[] {
  if (id !== sandboxId) return [cgroupPath];
  const pause = cgroups.containerPath(cgroupPath, id);
  return posix.basename(cgroupPath) === id ? [pause, cgroupPath] : [pause];
}

async function findAttachments({ network, marks }: FindMarkedDeps): Promise<readonly Marked[]> {
  const ids = await network.attachments();
  return ids.map((id) => {
    const madeAtMs = marks.get(id)?.madeAtMs;
    return { kind: 'attachment', name: id, owner: id, ...(madeAtMs === undefined ? {} : { madeAtMs }) };
  });
}

async function findSnapshots({ layers, handlers }: FindMarkedDeps, signal: AbortSignal): Promise<readonly Marked[]> {
  const snapshotters = [...new Set(handlers.all.map(({ config }) => config.snapshotter))];
  const lists = await Promise.all(
    snapshotters.map(async (snapshotter) => {
      const roots = await layers.listRoots(snapshotter, signal);
      return roots.map(({ key, labels, createdAtMs }) => ({
        kind: 'snapshot' as const,
        name: key,
        owner: key.slice(0, ID_LENGTH), // a view's key begins with its container's id
        madeAtMs: createdAtMs,
        snapshotter,
        ...(labels[LABEL_SANDBOX] === undefined ? {} : { sandbox: labels[LABEL_SANDBOX] }),
      }));
    }),
  );
  return lists.flat();
}

async function findOutputs({ log }: FindMarkedDeps, signal: AbortSignal): Promise<readonly Marked[]> {
  const held = await log.held(signal);
  return held.map(({ containerId }) => ({ kind: 'output', name: containerId, owner: containerId }));
}

async function findLeases({ images }: FindMarkedDeps, signal: AbortSignal): Promise<readonly Marked[]> {
  const leases = await images.listLeases(signal);
  return leases.map(({ id, createdAtMs, isInUse }) => ({
    kind: 'lease',
    name: id,
    owner: '',
    madeAtMs: createdAtMs,
    isInUse,
  }));
}
