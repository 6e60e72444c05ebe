import { isKind } from '../errors.ts';
import type { ContainerRecord } from '../store/index.ts';
import type { OpsDeps } from './deps.ts';

/**
 * Deletes the task of a container that has ended; one that is not there is fine. Where a davitd or a runtime was killed
 * while it killed, the container's cgroup is frozen for good, and the runtime refuses: it is thawed, and asked again.
 */
export async function deleteTask(
  { tasks, cgroups }: Pick<OpsDeps, 'tasks' | 'cgroups'>,
  { id, sandboxId, cgroupPath }: Pick<ContainerRecord, 'id' | 'sandboxId' | 'cgroupPath'>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await tasks.delete(id, sandboxId, signal);
  } catch (error) {
    if (signal.aborted || isKind(error, 'unavailable') || isKind(error, 'deadline-exceeded')) throw error;
    await cgroups.thaw(cgroupPath);
    await tasks.delete(id, sandboxId, signal);
  }
}
