import { dirname } from 'node:path';
import { nowNanos } from '../clock.ts';
import { EngineError, messageOf } from '../errors.ts';
import { defineOp, runOp } from '../op.ts';
import type { StepFn } from '../op.ts';
import { within } from '../rollback.ts';
import type { TaskIo, TaskProcess } from '../runtime/task-types.ts';
import { moveContainer } from '../store/index.ts';
import type { ContainerRecord } from '../store/index.ts';
import { deleteTask } from './delete-task.ts';
import type { OpsDeps } from './deps.ts';
import { handleContainerExit } from './handle-exit.ts';
import type { HandleExitDeps } from './handle-exit.ts';
import { namingShim } from './naming-shim.ts';
import { labelledRoot } from './selinux.ts';
import { SIGKILL } from './signals.ts';

export type StartContainerDeps = HandleExitDeps &
  Pick<
    OpsDeps,
    'store' | 'observer' | 'layers' | 'log' | 'tasks' | 'exits' | 'stopping' | 'containerLocks' | 'mountSources'
  >;

export const START_CONTAINER = defineOp('start-container', [
  'mark-starting',
  'prepare-output',
  'create-task',
  'start-task',
  'record-running',
]);

/** The exit code that a container which could not be started shows, as other runtimes have it. */
const START_ERROR_EXIT_CODE = 128;
const RECORD_DEADLINE_MS = 10_000;
/** More than the answers of the log's folder and of the pump may take together: each says who kept it waiting. */
const OUTPUT_DEADLINE_MS = 35_000;
const TASK_DEADLINE_MS = 110_000;

/**
 * Starts a created container. The start goes on when the caller goes: a retry joins it, or finds the container running.
 * A start that fails leaves the container exited, with reason StartError and the cause as its message.
 */
export async function startContainer(deps: StartContainerDeps, id: string, signal: AbortSignal): Promise<void> {
  const record = deps.store.containers.need(id);
  const never = new AbortController().signal;
  const start = deps.containerLocks.run(record.id, never, () => startLocked(deps, record.id, never));
  await within(signal, start);
}

async function startLocked(deps: StartContainerDeps, id: ContainerRecord['id'], signal: AbortSignal): Promise<void> {
  const record = deps.store.containers.need(id);
  if (record.state.phase === 'running') return;
  if (record.state.phase !== 'created') {
    throw new EngineError('failed-precondition', `container ${id} is ${record.state.phase}; only a created one starts`);
  }
  demandReadySandbox(deps, record);
  const context = { subject: { container: id, sandbox: record.sandboxId }, signal, observer: deps.observer };
  try {
    await runOp(START_CONTAINER, context, (step) => runSteps(deps, step, record));
  } catch (error) {
    await recordStartError(deps, record, error);
    throw error;
  }
}

async function runSteps(
  deps: StartContainerDeps,
  step: StepFn<(typeof START_CONTAINER.steps)[number]>,
  record: ContainerRecord,
): Promise<void> {
  const { id } = record;
  await step('mark-starting', {
    deadlineMs: RECORD_DEADLINE_MS,
    // Not on disk: a task that a davitd which starts again finds tells that there was a start.
    do: () => deps.store.containers.amend(id, (current) => moveContainer(current, { phase: 'starting' })),
  });
  const io = await step('prepare-output', {
    deadlineMs: OUTPUT_DEADLINE_MS,
    do: (signal) => prepareOutput(deps, record, signal),
    undo: () => deps.log.release(id),
  });
  const made = await step('create-task', {
    deadlineMs: TASK_DEADLINE_MS,
    do: (signal) => createTask(deps, record, io, signal),
    undo: async (signal) => {
      await deps.tasks.kill(id, SIGKILL, true, signal);
      await deleteTask(deps, record, signal);
    },
  });
  const startedAt = await step('start-task', {
    deadlineMs: TASK_DEADLINE_MS,
    do: (signal) => {
      watchContainer(deps, id);
      return deps.tasks.start(id, record.sandboxId, signal);
    },
  });
  await step('record-running', {
    deadlineMs: RECORD_DEADLINE_MS,
    do: () =>
      deps.store.containers.update(id, (current) => ({
        ...moveContainer(current, { phase: 'running', startedAt, pid: made.pid }),
        ...(made.shim === undefined ? {} : { shim: made.shim }),
      })),
  });
}

/** Watches for the container's exit, whoever started it. */
export function watchContainer(deps: HandleExitDeps, id: ContainerRecord['id']): void {
  deps.exits.watch(id, (end) => handleContainerExit(deps, id, end));
}

/** Throws failed-precondition unless containers may be made and started in the sandbox now. */
export function demandReadySandbox(
  deps: Pick<OpsDeps, 'store' | 'stopping'>,
  record: { readonly sandboxId: string },
): void {
  const sandbox = deps.store.sandboxes.get(record.sandboxId);
  if (sandbox?.state.phase === 'ready' && !deps.stopping.has(sandbox.id)) return;
  const state = sandbox === undefined ? 'gone' : deps.stopping.has(sandbox.id) ? 'stopping' : sandbox.state.phase;
  throw new EngineError('failed-precondition', `sandbox ${record.sandboxId} is ${state}; it must be ready`);
}

async function prepareOutput(deps: StartContainerDeps, record: ContainerRecord, signal: AbortSignal): Promise<TaskIo> {
  const { spec } = record;
  // The pump opens the log, and every container's output would hang with it.
  if (record.logPath !== undefined) await deps.mountSources.demandAnswer('log folder', dirname(record.logPath), signal);
  const paths = await deps.log.prepare(
    {
      containerId: record.id,
      stdin: spec.stdin,
      stdinOnce: spec.stdinOnce,
      tty: spec.tty,
      ...(record.logPath === undefined ? {} : { logPath: record.logPath }),
    },
    signal,
  );
  return { ...paths, terminal: spec.tty };
}

async function createTask(
  deps: StartContainerDeps,
  record: ContainerRecord,
  io: TaskIo,
  signal: AbortSignal,
): Promise<TaskProcess> {
  const mounts = await deps.layers.mountsOf(record.snapshotKey, record.snapshotter, signal);
  const rootfs = labelledRoot(mounts, record.mountLabel);
  return await namingShim(record.runtimeType, () =>
    deps.tasks.create({ id: record.id, sandboxId: record.sandboxId, rootfs, io }, signal),
  );
}

async function recordStartError(deps: StartContainerDeps, record: ContainerRecord, cause: unknown): Promise<void> {
  await deps.store.containers.update(record.id, (current) =>
    current.state.phase === 'starting' || current.state.phase === 'running'
      ? moveContainer(current, {
          phase: 'exited',
          finishedAt: nowNanos(),
          exitCode: START_ERROR_EXIT_CODE,
          reason: 'StartError',
          message: messageOf(cause),
        })
      : current,
  );
}
