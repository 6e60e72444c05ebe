import { describe, expect, it } from 'vitest';
import type { LiveTask, TaskStatus } from '../runtime/task-types.ts';
import type { ContainerRecord, SandboxRecord } from '../store/index.ts';
import type { ContainerState, SandboxState } from '../types/index.ts';
import { containerRecord, sandboxRecord } from '../store/test-records.ts';
import { planRestore } from './plan-restore.ts';
import type { LiveFacts } from './plan-restore.ts';

const EXITED: ContainerState = { phase: 'exited', finishedAt: 1n, exitCode: 0, reason: 'Completed', message: '' };

function actionOf(state: ContainerState, status?: TaskStatus, more: Partial<LiveFacts> = {}): string {
  const record: ContainerRecord = containerRecord({ state });
  const task: LiveTask | undefined = status === undefined ? undefined : { id: record.id, pid: 7, status };
  const tasks = new Map<string, LiveTask>(task === undefined ? [] : [[record.id, task]]);
  const plan = planRestore([], [record], { tasks, pinned: new Set(), withFiles: new Set(), ...more });
  return plan.containers.get(record)?.do ?? 'none';
}

function sandboxActionOf(
  state: SandboxState,
  options: { pinned?: boolean; files?: boolean; pause?: TaskStatus | 'gone'; extra?: true; rebootedAt?: bigint } = {},
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
  const reboot = options.rebootedAt === undefined ? {} : { rebootedAt: options.rebootedAt };
  const [pinned, withFiles] = [options.pinned, options.files].map(
    (there) => new Set(there === false ? [] : [record.id]),
  );
  const plan = planRestore([record], [], {
    tasks,
    pinned: pinned ?? new Set(),
    withFiles: withFiles ?? new Set(),
    ...reboot,
  });
  return plan.sandboxes.get(record)?.do ?? 'none';
}

const RUNNING: ContainerState = { phase: 'running', startedAt: 1n, pid: 7 };
const UNKNOWN: ContainerState = { phase: 'unknown', reason: 'damaged' };

/** Every phase that a record can have, with every state that its task can be in. */
const PLAN: readonly (readonly [state: ContainerState, plan: Readonly<Record<TaskStatus | 'none', string>>])[] = [
  [
    { phase: 'creating' },
    { none: 'undo', created: 'undo', running: 'undo', stopped: 'undo', paused: 'undo', unknown: 'undo' },
  ],
  [
    { phase: 'created' },
    { none: 'keep', created: 'fail-start', running: 'adopt', stopped: 'adopt', paused: 'adopt', unknown: 'fail-start' },
  ],
  [
    { phase: 'starting' },
    {
      none: 'fail-start',
      created: 'fail-start',
      running: 'adopt',
      stopped: 'adopt',
      paused: 'adopt',
      unknown: 'fail-start',
    },
  ],
  [RUNNING, { none: 'watch', created: 'watch', running: 'watch', stopped: 'watch', paused: 'watch', unknown: 'watch' }],
  [
    EXITED,
    {
      none: 'keep',
      created: 'delete-task',
      running: 'delete-task',
      stopped: 'delete-task',
      paused: 'delete-task',
      unknown: 'delete-task',
    },
  ],
  [UNKNOWN, { none: 'keep', created: 'keep', running: 'keep', stopped: 'keep', paused: 'keep', unknown: 'keep' }],
];

describe('planRestore() of each state', () => {
  it.each(
    PLAN.flatMap(([state, plan]) =>
      Object.entries(plan).map(([task, action]) => [state.phase, task, action, state] as const),
    ),
  )('of a container that is %s, its task being %s: %s', (_phase, task, action, state) => {
    expect(actionOf(state, task === 'none' ? undefined : (task as TaskStatus))).toBe(action);
  });
});

describe('planRestore() after a restart of the node', () => {
  const rebooted = { rebootedAt: 500n };

  it('K10: finds containers exited that ran or waited for their start', () => {
    expect(actionOf(RUNNING, undefined, rebooted)).toBe('node-rebooted');
    expect(actionOf({ phase: 'created' }, undefined, rebooted)).toBe('node-rebooted');
    expect(actionOf(EXITED, undefined, rebooted)).toBe('keep');
    expect(actionOf({ phase: 'creating' }, undefined, rebooted)).toBe('undo');
  });

  it('believes what it sees more than the kernel: a task that is there is watched', () => {
    expect(actionOf(RUNNING, 'running', rebooted)).toBe('watch');
  });

  it('lets no container end before it began, however the clock was set', () => {
    const record = containerRecord({ state: { phase: 'running', startedAt: 900n, pid: 7 } });
    const live = { tasks: new Map<string, LiveTask>(), pinned: new Set(''), withFiles: new Set(''), ...rebooted };
    expect(planRestore([], [record], live).containers.get(record)).toEqual({ do: 'node-rebooted', finishedAt: 900n });
  });

  it('K10: finds every sandbox not ready, also one of the node network, which had nothing to lose', () => {
    expect(sandboxActionOf({ phase: 'ready' }, { pinned: false, ...rebooted })).toBe('not-ready');
    const record = sandboxRecord({ state: { phase: 'ready' }, namespaces: {} });
    const live = {
      tasks: new Map<string, LiveTask>(),
      pinned: new Set(''),
      withFiles: new Set([record.id]),
      ...rebooted,
    };
    expect(planRestore([record], [], live).sandboxes.get(record)).toEqual({
      do: 'not-ready',
      reason: 'the node was restarted',
    });
  });
});

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
