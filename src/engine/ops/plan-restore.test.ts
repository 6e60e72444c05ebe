import { describe, expect, it } from 'vitest';
import type { LiveTask, TaskStatus } from '../runtime/task-types.ts';
import type { ContainerRecord, SandboxRecord } from '../store/index.ts';
import type { ContainerState, SandboxState } from '../types.ts';
import { containerRecord, sandboxRecord } from '../store/test-records.ts';
import { planRestore } from './plan-restore.ts';

const EXITED: ContainerState = { phase: 'exited', finishedAt: 1n, exitCode: 0, reason: 'Completed', message: '' };

function actionOf(state: ContainerState, status?: TaskStatus): string {
  const record: ContainerRecord = containerRecord({ state });
  const task: LiveTask | undefined = status === undefined ? undefined : { id: record.id, pid: 7, status };
  const tasks = new Map<string, LiveTask>(task === undefined ? [] : [[record.id, task]]);
  const plan = planRestore([], [record], { tasks, pinned: new Set(), withFiles: new Set() });
  return plan.containers.get(record)?.do ?? 'none';
}

function sandboxActionOf(
  state: SandboxState,
  options: { pinned?: boolean; files?: boolean; pause?: TaskStatus | 'gone'; extra?: true } = {},
): string {
  const record: SandboxRecord = sandboxRecord({
    state,
    namespaces: { network: '/x/net' },
    ...(options.pause === undefined ? {} : { pausePid: 5 }),
    ...(options.extra === undefined ? {} : { extraPause: options.extra }),
  });
  const tasks = new Map<string, LiveTask>();
  if (options.pause !== undefined && options.pause !== 'gone') {
    tasks.set(record.id, { id: record.id, pid: 5, status: options.pause });
  }
  const [pinned, withFiles] = [options.pinned, options.files].map(
    (there) => new Set(there === false ? [] : [record.id]),
  );
  const plan = planRestore([record], [], { tasks, pinned: pinned ?? new Set(), withFiles: withFiles ?? new Set() });
  return plan.sandboxes.get(record)?.do ?? 'none';
}

describe('planRestore() of containers', () => {
  it('undoes what a killed davitd left half-made', () => {
    expect(actionOf({ phase: 'creating' })).toBe('undo');
  });

  it('watches what ran, whatever has become of its task', () => {
    const running: ContainerState = { phase: 'running', startedAt: 1n, pid: 7 };
    expect(actionOf(running, 'running')).toBe('watch');
    expect(actionOf(running, 'stopped')).toBe('watch');
    expect(actionOf(running)).toBe('watch');
  });

  it('adopts a start whose record came too late, and fails one whose task never ran', () => {
    expect(actionOf({ phase: 'starting' }, 'running')).toBe('adopt');
    expect(actionOf({ phase: 'starting' }, 'stopped')).toBe('adopt');
    expect(actionOf({ phase: 'starting' }, 'created')).toBe('fail-start');
    expect(actionOf({ phase: 'starting' })).toBe('fail-start');
    expect(actionOf({ phase: 'created' }, 'running')).toBe('adopt');
    expect(actionOf({ phase: 'created' }, 'created')).toBe('fail-start');
  });

  it('keeps created and exited ones, and deletes the task of a recorded exit', () => {
    expect(actionOf({ phase: 'created' })).toBe('keep');
    expect(actionOf(EXITED)).toBe('keep');
    expect(actionOf(EXITED, 'stopped')).toBe('delete-task');
  });
});

describe('planRestore() of sandboxes', () => {
  it('undoes a half-made one and keeps a ready one whose namespaces are pinned', () => {
    expect(sandboxActionOf({ phase: 'creating' })).toBe('undo');
    expect(sandboxActionOf({ phase: 'ready' })).toBe('keep');
  });

  it('finds one whose namespaces are gone not ready', () => {
    expect(sandboxActionOf({ phase: 'ready' }, { pinned: false })).toBe('not-ready');
  });

  it('finds one whose files are gone not ready, also where it had no namespace of its own', () => {
    expect(sandboxActionOf({ phase: 'ready' }, { files: false })).toBe('not-ready');
  });

  it('watches a living pause process, and finds a sandbox without its own not ready', () => {
    expect(sandboxActionOf({ phase: 'ready' }, { pause: 'running' })).toBe('watch-pause');
    expect(sandboxActionOf({ phase: 'ready' }, { pause: 'stopped' })).toBe('not-ready');
    expect(sandboxActionOf({ phase: 'ready' }, { pause: 'gone' })).toBe('not-ready');
  });

  it('forgets a pause process that a pod does not depend on', () => {
    expect(sandboxActionOf({ phase: 'ready' }, { pause: 'running', extra: true })).toBe('watch-pause');
    expect(sandboxActionOf({ phase: 'ready' }, { pause: 'gone', extra: true })).toBe('forget-pause');
  });
});
