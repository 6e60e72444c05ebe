import type { ContainerRecord } from '../store/index.ts';
import type { OpsDeps } from './deps.ts';
import { killTask } from './kill-task.ts';

/** How long the task of an unknown container may take to end, in ms; then its cgroup's processes are killed one by one. */
const END_DEADLINE_MS = 20_000;

/** Ends whatever still runs of a container whose state is not known. Fine where nothing does. */
export async function endUnknown(
  deps: Pick<OpsDeps, 'tasks' | 'cgroups'>,
  { id, cgroupPath }: ContainerRecord,
  signal: AbortSignal,
): Promise<void> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(END_DEADLINE_MS)]);
  await killTask(deps, id, until);
  await deps.cgroups.killAll(cgroupPath, until);
}
