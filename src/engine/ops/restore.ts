import { nowNanos } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { moveContainer, moveSandbox } from '../store/index.ts';
import type { ContainerRecord, SandboxRecord } from '../store/index.ts';
import type { Nanos } from '../types/index.ts';
import { deleteTask } from './delete-task.ts';
import type { OpsDeps } from './deps.ts';
import { UNKNOWN_EXIT_CODE } from './handle-exit.ts';
import { watchPause, withoutPause } from './pause.ts';
import { planRestore } from './plan-restore.ts';
import type { ContainerAction, SandboxAction } from './plan-restore.ts';
import { rebuildRecords } from './rebuild-records.ts';
import type { RebuildDeps } from './rebuild-records.ts';
import { dropContainer } from './remove-container.ts';
import type { RemoveContainerDeps } from './remove-container.ts';
import { watchContainer } from './start-container.ts';
import type { StartContainerDeps } from './start-container.ts';
import { SIGKILL } from './signals.ts';
import { undoSandbox } from './undo-sandbox.ts';
import type { UndoSandboxDeps } from './undo-sandbox.ts';

export type RestoreDeps = UndoSandboxDeps &
  StartContainerDeps &
  RemoveContainerDeps &
  RebuildDeps &
  Pick<OpsDeps, 'logger'>;

/** How many objects are restored at once. */
const PARALLEL_RESTORES = 8;

/**
 * Watches what ran when davitd went and has a shim that can be asked directly. Needs no containerd: exits are learnt and
 * recorded also while it is away.
 */
export function watchByShims(deps: RestoreDeps): void {
  for (const { id, state, shim } of deps.store.containers.all()) {
    if (state.phase !== 'running' || shim === undefined) continue;
    deps.tasks.adopt(id, { pid: state.pid, shim });
    watchContainer(deps, id);
  }
  for (const { id, state, pausePid, pauseShim } of deps.store.sandboxes.all()) {
    if (state.phase !== 'ready' || pausePid === undefined || pauseShim === undefined) continue;
    deps.tasks.adopt(id, { pid: pausePid, shim: pauseShim });
    watchPause(deps, id);
  }
}

/**
 * Finds again what ran when davitd went. One object that cannot be restored is told and does not stop the others.
 * `rebootedAt`: when the node was restarted, if it was since then.
 */
export async function restore(deps: RestoreDeps, rebootedAt: Nanos | undefined, signal: AbortSignal): Promise<void> {
  await rebuildRecords(deps, signal);
  const [tasks, pinned, withFiles] = await Promise.all([
    deps.tasks.list(signal),
    deps.namespaces.list(),
    deps.podFiles.list(),
  ]);
  const plan = planRestore(deps.store.sandboxes.all(), deps.store.containers.all(), {
    tasks: new Map(tasks.map((task) => [task.id, task])),
    pinned: new Set(pinned.map((pins) => pins.sandboxId)),
    withFiles: new Set(withFiles),
    ...(rebootedAt === undefined ? {} : { rebootedAt }),
  });
  await inParallel([...plan.containers], async ([record, action]) => {
    await guarded(deps, { container: record.id, action: action.do }, () =>
      restoreContainer(deps, record, action, signal),
    );
  });
  await inParallel([...plan.sandboxes], async ([record, action]) => {
    await guarded(deps, { sandbox: record.id, action: action.do }, () => restoreSandbox(deps, record, action));
  });
}

async function restoreContainer(
  deps: RestoreDeps,
  record: ContainerRecord,
  action: ContainerAction,
  signal: AbortSignal,
): Promise<void> {
  const { id } = record;
  switch (action.do) {
    case 'keep':
      return;
    case 'watch':
      // A record of an older davitd does not name the shim.
      if (record.shim === undefined && record.state.phase === 'running')
        deps.tasks.adopt(id, { pid: record.state.pid });
      return watchContainer(deps, id);
    case 'adopt': {
      const { pid, shim } = deps.tasks.adopt(id, { pid: action.pid });
      await deps.store.containers.update(id, (current) => ({
        ...moveContainer(current, { phase: 'running', startedAt: nowNanos(), pid }),
        ...(shim === undefined ? {} : { shim }),
      }));
      return watchContainer(deps, id);
    }
    case 'fail-start':
      await deps.tasks.kill(id, SIGKILL, true, signal);
      await deleteTask(deps, record, signal);
      await deps.log.release(id);
      await deps.store.containers.update(id, (current) =>
        moveContainer(current, {
          phase: 'exited',
          finishedAt: nowNanos(),
          exitCode: 128,
          reason: 'StartError',
          message: action.reason,
        }),
      );
      return;
    case 'node-rebooted':
      await deps.store.containers.update(id, (current) => rebootedContainer(current, action.finishedAt));
      return;
    case 'delete-task':
      await deleteTask(deps, record, signal);
      return await deps.log.release(id);
    case 'undo':
      return await dropContainer(deps, id, signal);
  }
}

function rebootedContainer(current: ContainerRecord, finishedAt: Nanos): ContainerRecord {
  const { state } = current;
  return moveContainer(current, {
    phase: 'exited',
    ...(state.phase === 'running' ? { startedAt: state.startedAt } : {}),
    finishedAt,
    exitCode: UNKNOWN_EXIT_CODE,
    reason: 'NodeRebooted',
    message:
      state.phase === 'running'
        ? 'the container ended when the node was restarted; its exit status is not known'
        : 'the node was restarted before the container was started',
  });
}

async function restoreSandbox(deps: RestoreDeps, record: SandboxRecord, action: SandboxAction): Promise<void> {
  switch (action.do) {
    case 'keep':
      return;
    case 'watch-pause':
      if (record.pauseShim === undefined && record.pausePid !== undefined) {
        deps.tasks.adopt(record.id, { pid: record.pausePid });
      }
      return watchPause(deps, record.id);
    case 'forget-pause':
      await deps.store.sandboxes.update(record.id, withoutPause);
      return;
    case 'undo':
      return await undoSandbox(deps, record.id);
    case 'not-ready':
      await deps.store.sandboxes.update(record.id, (current) =>
        moveSandbox(current, { phase: 'not-ready', reason: action.reason, since: nowNanos() }),
      );
  }
}

async function guarded(deps: RestoreDeps, subject: object, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    deps.logger.error({ ...subject, error: messageOf(error) }, 'an object was not restored');
  }
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: PARALLEL_RESTORES }, worker));
}
