import { lstat, rm } from 'node:fs/promises';
import { EngineError } from '../errors.ts';
import { parseContainerId, parseSandboxId } from '../ids.ts';
import type { ContainerId, SandboxId } from '../ids.ts';
import type { FolderThing, MarkedThing } from '../reconcile/index.ts';
import { deleteTask } from './delete-task.ts';
import type { OpsDeps } from './deps.ts';
import type { Marked } from './find-marked.ts';
import { awaitEnd } from './kill-task.ts';
import { podShims } from './pod-shims.ts';
import { dropContainer } from './remove-container.ts';
import type { RemoveContainerDeps } from './remove-container.ts';
import { SIGKILL } from './signals.ts';
import { undoSandbox } from './undo-sandbox.ts';
import type { UndoSandboxDeps } from './undo-sandbox.ts';

export type RemoveOrphanDeps = UndoSandboxDeps &
  RemoveContainerDeps &
  Pick<OpsDeps, 'tasks' | 'images' | 'shims' | 'marks' | 'containerLocks' | 'sandboxLocks'>;

/** For each call of an end that may hang, so that the next rung is reached. */
const CALL_DEADLINE_MS = 10_000;

/** Removes what no record owns. What is gone already is success. */
export async function removeOrphan(deps: RemoveOrphanDeps, thing: Marked, signal: AbortSignal): Promise<void> {
  switch (thing.kind) {
    case 'record':
      return await removeRecord(deps, thing, signal);
    case 'container':
      return await removeContainerObject(deps, thing, signal);
    case 'shim':
      return void (await deps.shims.kill(thing.shim));
    case 'cgroup':
      return await removeCgroup(deps, thing.name, signal);
    case 'attachment':
      return await deps.network.detach(sandboxId(thing.owner), undefined, signal);
    case 'namespace':
    case 'mount':
    case 'folder':
      return await removeFolder(deps, thing);
    case 'snapshot':
      return await deps.layers.removeRoot(thing.name, thing.snapshotter, signal);
    case 'output':
      await deps.log.release(thing.owner);
      // FIFOs that the pump no longer knows.
      return thing.of === 'io' ? await rm(thing.path, { recursive: true, force: true }) : undefined;
    case 'lease':
      return await deps.images.removeLease(thing.name, signal);
  }
}

async function removeRecord(
  deps: RemoveOrphanDeps,
  { owner, of }: Extract<Marked, { kind: 'record' }>,
  signal: AbortSignal,
): Promise<void> {
  if (of === 'sandbox') {
    const id = sandboxId(owner);
    return await deps.sandboxLocks.run(id, signal, () => undoSandbox(deps, id));
  }
  const id = containerId(owner);
  await deps.containerLocks.run(id, signal, () => dropContainer(deps, id, signal));
}

/** Its processes first, by the cgroup too: a shim that hangs must not keep them. */
async function removeContainerObject(
  deps: RemoveOrphanDeps,
  { owner: id, sandbox = id }: MarkedThing,
  signal: AbortSignal,
): Promise<void> {
  const cgroupPath = cgroupOf(deps, id);
  const runs = await deps.tasks.kill(id, SIGKILL, true, limited(signal)).catch(() => true); // the cgroup is next
  if (cgroupPath !== undefined) await deps.cgroups.killAll(cgroupPath, limited(signal));
  try {
    if (runs) await awaitEnd(deps, id, limited(signal));
    await deleteTask(deps, { id, sandboxId: sandboxId(sandbox), cgroupPath }, limited(signal));
  } catch (error) {
    // containerd cleans up after a shim that has ended: then the next sweep succeeds.
    if (deps.store.sandboxes.get(sandbox) === undefined) {
      for (const shim of await podShims(deps, sandbox)) await deps.shims.kill(shim);
    }
    throw error;
  }
  await deps.objects.delete(id, limited(signal));
}

/** The mark of a pod names the parent of all its containers' cgroups; the pause process has one below. */
function cgroupOf({ marks, cgroups }: RemoveOrphanDeps, id: string): string | undefined {
  const mark = marks.get(id);
  if (mark === undefined) return undefined;
  return mark.sandboxId === id ? cgroups.containerPath(mark.cgroupPath, id) : mark.cgroupPath;
}

async function removeCgroup(deps: RemoveOrphanDeps, path: string, signal: AbortSignal): Promise<void> {
  await deps.cgroups.killAll(path, limited(signal));
  await deps.cgroups.remove(path);
}

/** Mounts below it go with it. Nothing is removed that is not of the kind that davit puts there. */
async function removeFolder(deps: RemoveOrphanDeps, thing: FolderThing): Promise<void> {
  switch (thing.of) {
    case 'sandboxes': {
      const id = sandboxId(thing.owner);
      await deps.namespaces.destroy(id);
      await deps.podFiles.remove(id);
      break;
    }
    case 'volumes':
      await deps.volumes.remove(containerId(thing.owner));
      break;
    case 'io':
    case 'exec':
      await rm(thing.path, { recursive: true, force: true });
      break;
  }
  if (await isThere(thing.path)) {
    throw new EngineError('failed-precondition', `${thing.path} holds what is not davit's; look at it and remove it`);
  }
}

async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

function limited(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(CALL_DEADLINE_MS)]);
}

function sandboxId(id: string): SandboxId {
  return parseSandboxId(id, 'sandbox');
}

function containerId(id: string): ContainerId {
  return parseContainerId(id, 'container');
}
