import type { ContainerId } from '../ids.ts';
import { defineOp, runOp } from '../op.ts';
import { within } from '../rollback.ts';
import type { ContainerRecord } from '../store/index.ts';
import { removeVolumes } from './container-volumes.ts';
import { deleteTask } from './delete-task.ts';
import type { OpsDeps } from './deps.ts';
import { stopContainer } from './stop-container.ts';
import type { StopContainerDeps } from './stop-container.ts';

export type RemoveContainerDeps = StopContainerDeps &
  Pick<OpsDeps, 'store' | 'observer' | 'objects' | 'layers' | 'volumes' | 'log' | 'cgroups' | 'containerLocks'>;

export const REMOVE_CONTAINER = defineOp('remove-container', [
  'delete-task',
  'delete-object',
  'remove-volumes',
  'remove-root',
  'release-output',
  'remove-cgroup',
  'forget',
]);

const STEP_DEADLINE_MS = 60_000;

/** Removes a container, killing it first when it runs. Unknown ids are fine; of two calls at once both succeed. */
export async function removeContainer(deps: RemoveContainerDeps, id: string, signal: AbortSignal): Promise<void> {
  const record = deps.store.containers.find(id);
  if (record === undefined) return;
  await stopContainer(deps, record.id, 0, signal);
  const never = new AbortController().signal;
  const removal = deps.containerLocks.run(record.id, never, () => dropContainer(deps, record.id, never));
  await within(signal, removal);
}

/** Removes all that a container which does not run has left, its record last. The caller holds its lock. */
export async function dropContainer(deps: RemoveContainerDeps, id: ContainerId, signal: AbortSignal): Promise<void> {
  const record = deps.store.containers.get(id);
  if (record === undefined) return;
  const context = { subject: { container: id, sandbox: record.sandboxId }, signal, observer: deps.observer };
  await runOp(REMOVE_CONTAINER, context, async (step) => {
    const remove = (name: RemovalName, work: Removal): Promise<unknown> =>
      step(name, { deadlineMs: STEP_DEADLINE_MS, do: work });
    await remove('delete-task', (by) => deleteTask(deps, record, by));
    const parts = Object.entries(withoutTask(deps, record)) as [RemovalName, Removal][];
    await allEnded(parts.map(([name, work]) => remove(name, work)));
    await remove('forget', () => deps.store.containers.delete(id));
    deps.oomKillsBeforeKill.delete(id); // one that ended just before it was killed has left it
  });
}

type RemovalName = (typeof REMOVE_CONTAINER.steps)[number];
type Removal = (signal: AbortSignal) => Promise<unknown>;

/** What nothing holds any more once the task is gone; each part by itself. */
function withoutTask(
  deps: RemoveContainerDeps,
  record: ContainerRecord,
): Readonly<Record<Exclude<RemovalName, 'delete-task' | 'forget'>, Removal>> {
  const { id, snapshotKey, snapshotter } = record;
  return {
    'delete-object': (signal) => deps.objects.delete(id, signal),
    'remove-volumes': (signal) => removeVolumes(deps, record, signal),
    'remove-root': (signal) => deps.layers.removeRoot(snapshotKey, snapshotter, signal),
    'release-output': () => deps.log.release(id),
    'remove-cgroup': () => deps.cgroups.remove(record.cgroupPath),
  };
}

/** Waits until all have ended, so that none goes on behind an error; then throws what failed first. */
async function allEnded(works: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(works);
  await Promise.all(works);
}
