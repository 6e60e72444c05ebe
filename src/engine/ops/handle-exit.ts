import { nowNanos } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { ContainerId } from '../ids.ts';
import type { TaskEnd } from '../runtime/task-types.ts';
import { moveContainer } from '../store/index.ts';
import type { ContainerRecord } from '../store/index.ts';
import type { ContainerState, ExitReason } from '../types/index.ts';
import { deleteTask } from './delete-task.ts';
import type { OpsDeps } from './deps.ts';

export type HandleExitDeps = Pick<
  OpsDeps,
  | 'store'
  | 'log'
  | 'tasks'
  | 'exits'
  | 'cgroups'
  | 'containerLocks'
  | 'oomKillsBeforeKill'
  | 'containerd'
  | 'exitStatusLost'
  | 'logger'
>;

/** Exit code of a container that SIGKILL ended, and of every one that the kernel's OOM killer did. */
const KILLED = 128 + 9;
/** What is reported where nobody knows the real code. */
export const UNKNOWN_EXIT_CODE = 255;
/** Output may still be on its way when the process is gone; a reader that hangs must not hold the exit back. */
const DRAIN_DEADLINE_MS = 10_000;
const LEFTOVERS_DEADLINE_MS = 10_000;
const DELETE_DEADLINE_MS = 30_000;

/**
 * Records the end of a container: what is left in its cgroup is killed, its output is drained into the log, then the
 * final status becomes visible, and only then is the task deleted: a davitd that dies in between finds the status again.
 * Nothing of it waits for a containerd that is away; the task's deletion is owed then.
 */
export async function handleContainerExit(
  deps: HandleExitDeps,
  id: ContainerId,
  end: TaskEnd | undefined,
): Promise<void> {
  const never = new AbortController().signal;
  await deps.containerLocks.run(id, never, async () => {
    const record = deps.store.containers.get(id);
    if (record?.state.phase !== 'running') return;
    const state = await exitedState(deps, record, record.state.startedAt, end);
    await killLeftovers(deps, record);
    await drainOutput(deps, record);
    await deps.store.containers.update(id, (current) => moveContainer(current, state));
    deps.oomKillsBeforeKill.delete(id);
    if (state.phase === 'exited' && state.reason === 'ExitStatusUnknown') deps.exitStatusLost();
    if (deps.containerd.status().ready) await dropTask(deps, record);
    else deps.exits.owe(id, () => deleteOwedTask(deps, id));
  });
}

/** Deletes the task of a container whose end is recorded, if nobody has removed the container since. */
export async function deleteOwedTask(deps: HandleExitDeps, id: ContainerId): Promise<void> {
  await deps.containerLocks.run(id, new AbortController().signal, async () => {
    const record = deps.store.containers.get(id);
    if (record?.state.phase === 'exited') await dropTask(deps, record);
  });
}

async function exitedState(
  deps: HandleExitDeps,
  record: ContainerRecord,
  startedAt: bigint,
  end: TaskEnd | undefined,
): Promise<ContainerState> {
  if (end === undefined) {
    return {
      phase: 'exited',
      startedAt,
      finishedAt: nowNanos(),
      exitCode: UNKNOWN_EXIT_CODE,
      reason: 'ExitStatusUnknown',
      message: 'the container ended while nobody could learn its exit status',
    };
  }
  if (end.kind === 'shim-died') {
    return {
      phase: 'exited',
      startedAt,
      finishedAt: nowNanos(),
      exitCode: KILLED,
      reason: 'ShimDied',
      message: "the container was killed, because containerd's shim that looked after it had ended",
    };
  }
  const { exit } = end;
  const reason = await exitReason(deps, record, exit.exitCode);
  return {
    phase: 'exited',
    // The time of a start that a restarted davitd adopted is when it did.
    startedAt: startedAt < exit.exitedAt ? startedAt : exit.exitedAt,
    finishedAt: exit.exitedAt,
    exitCode: exit.exitCode,
    reason,
    message: reason === 'OOMKilled' ? 'the kernel ended the container: its memory limit was reached' : '',
  };
}

async function exitReason(deps: HandleExitDeps, record: ContainerRecord, exitCode: number): Promise<ExitReason> {
  if (exitCode === 0) return 'Completed';
  if (exitCode !== KILLED) return 'Error'; // only the first process's own death counts, or one that it passed on
  const before = deps.oomKillsBeforeKill.get(record.id) ?? 0;
  return (await deps.cgroups.oomKillCount(record.cgroupPath)) > before ? 'OOMKilled' : 'Error';
}

/** Matters where the container had no PID namespace of its own; elsewhere the kernel has done it. */
async function killLeftovers(deps: HandleExitDeps, record: ContainerRecord): Promise<void> {
  try {
    await deps.cgroups.killAll(record.cgroupPath, AbortSignal.timeout(LEFTOVERS_DEADLINE_MS));
  } catch (error) {
    deps.logger.warn({ container: record.id, error: messageOf(error) }, 'processes outlive their container');
  }
}

async function drainOutput(deps: HandleExitDeps, record: ContainerRecord): Promise<void> {
  try {
    await deps.log.ended(record.id, AbortSignal.timeout(DRAIN_DEADLINE_MS));
  } catch (error) {
    deps.logger.warn({ container: record.id, error: messageOf(error) }, 'the log may lack the last output');
  }
}

async function dropTask(deps: HandleExitDeps, record: ContainerRecord): Promise<void> {
  try {
    await deleteTask(deps, record, AbortSignal.timeout(DELETE_DEADLINE_MS));
    await deps.log.release(record.id);
  } catch (error) {
    // The status is recorded; removal of the container, or the next start of davitd, deletes the task again.
    deps.logger.warn({ container: record.id, error: messageOf(error) }, 'the ended task was not deleted');
  }
}
