import { describe, expect, it } from 'vitest';
import { FakeShims } from '../containerd/shim/fake.ts';
import { tasks as api } from '../containerd/generated/containerd.js';
import { ShimGone } from '../containerd/index.ts';
import { EngineError } from '../errors.ts';
import { newContainerId, newSandboxId } from '../ids.ts';
import type { SandboxId } from '../ids.ts';
import { WorkQueue } from '../work-queue.ts';
import { ShimTasks } from './tasks.ts';
import type { ShimTasksDeps, TasksClient } from './tasks.ts';
import type { TaskSpec } from './task-types.ts';

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const signal = new AbortController().signal;
const NO_PROCESS = 2 ** 22 + 1; // above any pid of the kernel's
const UNUSED: TasksClient = {
  create: unused,
  start: unused,
  kill: unused,
  delete: unused,
  wait: unused,
  update: unused,
  resizePty: unused,
  closeIO: unused,
  list: unused,
};

describe('ShimTasks', () => {
  it('asks the shim of a pod for one create, start or delete at a time', async () => {
    const { tasks, calls } = pending(8);
    const pod = newSandboxId();
    const container = newContainerId();
    const created = tasks.create(spec(pod), signal);
    const started = tasks.start(container, pod, signal);
    const deleted = tasks.delete(container, pod, signal);
    await settled();
    expect(calls.map((call) => call.name)).toEqual(['create']);
    calls[0]?.end();
    await created;
    await settled();
    expect(calls.map((call) => call.name)).toEqual(['create', 'start']);
    calls[1]?.end();
    await started;
    await settled();
    calls[2]?.end();
    expect(await deleted).toBe(true);
    expect(calls.map((call) => call.name)).toEqual(['create', 'start', 'delete']);
  });

  it('lets a signal through while a start is under way', async () => {
    const { tasks, calls } = pending(1);
    const pod = newSandboxId();
    const started = tasks.start(newContainerId(), pod, signal);
    await settled();
    const killed = tasks.kill(newContainerId(), 9, true, signal);
    await settled();
    expect(calls.map((call) => call.name)).toEqual(['start', 'kill']);
    for (const call of calls) call.end();
    expect(await killed).toBe(true);
    await started;
  });

  it('waits for containerd to clean up behind a shim that was killed', async () => {
    const shims = new FakeShims();
    const errors = [new EngineError('unknown', 'ttrpc: closed'), new EngineError('not-found', 'no such task')];
    const wait = (): Promise<never> => Promise.reject(errors.shift() ?? new Error('asked too often'));
    const id = newContainerId();
    shims.exits.set(id, Promise.reject(new ShimGone('/none', 'it was killed')));
    const tasks = new ShimTasks({ ...depsOf(1), shims, client: { ...UNUSED, wait } });
    tasks.adopt(id, { pid: NO_PROCESS, shim: { path: '/none', version: 3 } });
    await expect(tasks.wait(id, signal)).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('gives a pod that waits for its turn no place among the work', async () => {
    const { tasks, calls } = pending(2);
    const [busy, other] = [newSandboxId(), newSandboxId()];
    const creates = [spec(busy), spec(busy), spec(busy), spec(other)].map((each) => tasks.create(each, signal));
    await settled();
    expect(calls).toHaveLength(2);
    for (let ended = 0; ended < creates.length; ended += 1) {
      calls[ended]?.end();
      await settled();
    }
    expect(await Promise.all(creates)).toHaveLength(4);
  });
});

function spec(sandboxId: SandboxId): TaskSpec {
  return { id: newContainerId(), sandboxId, rootfs: [], io: { terminal: false } };
}

/** Tasks whose calls to containerd are listed and go on until they are ended. */
function pending(concurrency: number): { tasks: ShimTasks; calls: { name: string; end: () => void }[] } {
  const calls: { name: string; end: () => void }[] = [];
  const call =
    <Reply>(name: string, reply: Reply) =>
    async (): Promise<Reply> => {
      const { promise, resolve } = Promise.withResolvers<void>();
      calls.push({ name, end: resolve });
      await promise;
      return reply;
    };
  const client: TasksClient = {
    ...UNUSED,
    create: call('create', api.CreateTaskResponse.create({ pid: 1 })),
    start: call('start', api.StartResponse.create({ pid: 1 })),
    kill: call('kill', {}),
    delete: call('delete', api.DeleteResponse.create({})),
  };
  return { tasks: new ShimTasks({ ...depsOf(concurrency), client, shims: new FakeShims() }), calls };
}

function depsOf(concurrency: number): Pick<ShimTasksDeps, 'work' | 'logger'> {
  return { work: new WorkQueue({ concurrentWork: concurrency, workPatienceMs: 60_000 }), logger: SILENT };
}

function unused(): Promise<never> {
  return Promise.reject(new Error('not asked for here'));
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
