import { isKind } from '../errors.ts';
import type { SandboxId } from '../ids.ts';
import type { OpsDeps } from './deps.ts';

/** The task of a container or of a pause process. */
export interface EndedTask {
  readonly id: string;
  readonly sandboxId: SandboxId;
  /** Undefined where nothing tells it any more. */
  readonly cgroupPath: string | undefined;
}

/**
 * Deletes the task of what has ended; one that is not there is fine. Where a davitd or a runtime was killed while it
 * killed, the cgroup is frozen for good, and the runtime refuses: it is thawed, and asked again.
 */
export async function deleteTask(
  { tasks, cgroups }: Pick<OpsDeps, 'tasks' | 'cgroups'>,
  { id, sandboxId, cgroupPath }: EndedTask,
  signal: AbortSignal,
): Promise<void> {
  try {
    await tasks.delete(id, sandboxId, signal);
  } catch (error) {
    if (cgroupPath === undefined || signal.aborted) throw error;
    if (isKind(error, 'unavailable') || isKind(error, 'deadline-exceeded')) throw error;
    await cgroups.thaw(cgroupPath);
    await tasks.delete(id, sandboxId, signal);
  }
}
