import type { Nanos } from '../types/index.ts';
import type { LiveTask } from '../runtime/task-types.ts';
import type { ContainerRecord, SandboxRecord } from '../store/index.ts';

/** What containerd and the kernel have right now. */
export interface LiveFacts {
  readonly tasks: ReadonlyMap<string, LiveTask>;
  /** Sandboxes whose namespaces are still pinned. */
  readonly pinned: ReadonlySet<string>;
  /** Sandboxes whose files are there. */
  readonly withFiles: ReadonlySet<string>;
  /** The node was restarted since the records were made, at this time; absent: it was not, as far as anybody knows. */
  readonly rebootedAt?: Nanos;
}

export type SandboxAction =
  | { readonly do: 'keep' }
  | { readonly do: 'watch-pause' }
  /** It is gone, and the pod does not depend on it. */
  | { readonly do: 'forget-pause' }
  /** A job that a killed davitd left half-made: nobody owns it. */
  | { readonly do: 'undo' }
  | { readonly do: 'not-ready'; readonly reason: string };

export type ContainerAction =
  | { readonly do: 'keep' }
  /** It runs, or ran when davitd went: its watch tells the rest. */
  | { readonly do: 'watch' }
  /** Its task was started, but the record did not come to say so. */
  | { readonly do: 'adopt'; readonly pid: number }
  | { readonly do: 'fail-start'; readonly reason: string }
  /** It ended with the node, and its status with it. */
  | { readonly do: 'node-rebooted'; readonly finishedAt: Nanos }
  /** The status is recorded and the task is still there. */
  | { readonly do: 'delete-task' }
  | { readonly do: 'undo' };

export interface RestorePlan {
  readonly sandboxes: ReadonlyMap<SandboxRecord, SandboxAction>;
  readonly containers: ReadonlyMap<ContainerRecord, ContainerAction>;
}

/** Compares records with what is alive. Pure: the same facts give the same plan. */
export function planRestore(
  sandboxes: readonly SandboxRecord[],
  containers: readonly ContainerRecord[],
  live: LiveFacts,
): RestorePlan {
  return {
    sandboxes: new Map(sandboxes.map((record) => [record, sandboxAction(record, live)])),
    containers: new Map(containers.map((record) => [record, containerAction(record, live)])),
  };
}

function sandboxAction(record: SandboxRecord, live: LiveFacts): SandboxAction {
  switch (record.state.phase) {
    case 'creating':
      return { do: 'undo' };
    case 'not-ready':
      return { do: 'keep' };
    case 'ready':
      break;
  }
  const paths = record.namespaces;
  if (live.rebootedAt !== undefined && !live.pinned.has(record.id)) {
    return { do: 'not-ready', reason: 'the node was restarted' };
  }
  const hasPins = paths.network !== undefined || paths.ipc !== undefined || paths.uts !== undefined;
  if (hasPins && !live.pinned.has(record.id)) {
    return { do: 'not-ready', reason: 'its namespaces are gone: the node was restarted, or somebody removed them' };
  }
  if (!live.withFiles.has(record.id)) {
    return { do: 'not-ready', reason: 'its files are gone: the node was restarted, or somebody removed them' };
  }
  if (record.pausePid === undefined) return { do: 'keep' };
  const pause = live.tasks.get(record.id);
  if (pause?.status === 'running') return { do: 'watch-pause' };
  if (record.extraPause === true) return { do: 'forget-pause' };
  return { do: 'not-ready', reason: 'its pause process is gone' };
}

function containerAction(record: ContainerRecord, live: LiveFacts): ContainerAction {
  const task = live.tasks.get(record.id);
  switch (record.state.phase) {
    case 'creating':
      return { do: 'undo' };
    case 'unknown':
      return { do: 'keep' };
    case 'created':
      if (task === undefined && live.rebootedAt !== undefined) return rebootedAction(live.rebootedAt, record.createdAt);
      return task === undefined ? { do: 'keep' } : startedAction(task);
    case 'starting':
      return startedAction(task);
    case 'running':
      if (task !== undefined || live.rebootedAt === undefined) return { do: 'watch' };
      return rebootedAction(live.rebootedAt, record.state.startedAt);
    case 'exited':
      return task === undefined ? { do: 'keep' } : { do: 'delete-task' };
  }
}

/** It ended before the node started again; nobody knows when. The clock may have been set since `began`. */
function rebootedAction(rebootedAt: Nanos, began: Nanos): ContainerAction {
  return { do: 'node-rebooted', finishedAt: rebootedAt > began ? rebootedAt : began };
}

/** A start is recorded when it has succeeded: a task without that record says how far it came. */
function startedAction(task: LiveTask | undefined): ContainerAction {
  if (task?.status === 'running' || task?.status === 'paused' || task?.status === 'stopped') {
    return { do: 'adopt', pid: task.pid };
  }
  return { do: 'fail-start', reason: 'davitd ended while the container was being started' };
}
