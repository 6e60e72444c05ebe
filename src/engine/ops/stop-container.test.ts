import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineError } from '../errors.ts';
import { containerSpec, sandboxSpec } from '../store/test-records.ts';
import { createContainer } from './create-container.ts';
import { runSandbox } from './run-sandbox.ts';
import { startContainer } from './start-container.ts';
import { stopContainer } from './stop-container.ts';
import { stopSandbox } from './stop-sandbox.ts';
import { testEngine } from './test-engine.ts';

const NEVER = new AbortController().signal;
/** What is to come may take its time; what never comes is not waited for long. */
const TIMES = { callMs: 30, exitMs: 30_000, cgroupMs: 30_000 };
const LONG_SECONDS = 10_000;
const TERM = 15;
const KILL = 9;

let engine: Awaited<ReturnType<typeof testEngine>>;
let pod: string;
let id: string;

beforeEach(async () => {
  engine = await testEngine();
  pod = await runSandbox(engine.deps, sandboxSpec(), NEVER);
  id = await start('main');
});

afterEach(() => engine[Symbol.asyncDispose]());

async function start(name: string): Promise<string> {
  const spec = containerSpec({ metadata: { name, attempt: 0 } });
  const container = await createContainer(engine.deps, pod, spec, NEVER);
  await startContainer(engine.deps, container, NEVER);
  return container;
}

async function stop(graceSeconds: number, signal = NEVER, times = TIMES): Promise<void> {
  await stopContainer(engine.deps, id, graceSeconds, signal, times);
}

function state() {
  return engine.store.containers.need(id).state;
}

describe('stopContainer()', () => {
  it('sends the stop signal and waits as long as the container takes within its grace period', async () => {
    const stopping = stop(LONG_SECONDS);
    await expect.poll(() => engine.tasks.signals).toEqual([{ id, signal: TERM }]);
    engine.tasks.end(id, 0);
    await stopping;
    expect(state()).toMatchObject({ phase: 'exited', exitCode: 0 });
  });

  it('is shortened by a second, shorter one', async () => {
    const first = stop(LONG_SECONDS);
    await stop(0);
    await first;
    expect(engine.tasks.signals.at(-1)).toEqual({ id, signal: KILL });
    expect(state()).toMatchObject({ phase: 'exited', exitCode: 137 });
  });

  it('kills the cgroup of what SIGKILL through the shim does not end', async () => {
    engine.tasks.isStubborn = true;
    engine.cgroups.onKill = () => engine.tasks.end(id, 137);
    await stop(0, NEVER, { ...TIMES, exitMs: 30 });
    expect(engine.shims.killed).toEqual([]);
    expect(state()).toMatchObject({ phase: 'exited', exitCode: 137 });
  });

  it('goes on to the next rung when the shim hangs, and kills the shim last; the container is dead', async () => {
    engine.tasks.isHung = true;
    engine.shims.running.push({ pid: 7, id }, { pid: 8, id: 'of another pod' });
    await stop(1);
    expect(engine.cgroups.killed).toContain(engine.store.containers.need(id).cgroupPath);
    expect(engine.shims.killed).toEqual([{ pid: 7, id }]);
    expect(state()).toMatchObject({ phase: 'exited', exitCode: 137 });
  });

  it('goes on when its caller has gone, and a retry joins it', async () => {
    engine.tasks.isHung = true;
    const caller = new AbortController();
    const first = stop(0, caller.signal);
    caller.abort(new EngineError('cancelled', 'gone'));
    await expect(first).rejects.toMatchObject({ kind: 'cancelled' });
    expect(engine.deps.kills.size).toBe(1);
    await stop(0);
    expect(state().phase).toBe('exited');
    expect(engine.deps.kills.size).toBe(0);
  });

  it('names what the kernel holds, and tries anew the next time', async () => {
    engine.tasks.isHung = true;
    engine.cgroups.failKill = new EngineError('deadline-exceeded', '7 (dd, state D)');
    await expect(stop(0)).rejects.toThrow('7 (dd, state D)');
    expect(engine.shims.killed).toEqual([]);
    expect(state().phase).toBe('running');
    engine.cgroups.failKill = undefined;
    await stop(0);
    expect(state().phase).toBe('exited');
  });

  it('invents no exit and kills no shim while containerd is away', async () => {
    engine.tasks.failKill = new EngineError('unavailable', 'containerd is away');
    engine.shims.running.push({ pid: 7, id });
    await expect(stop(0, NEVER, { ...TIMES, exitMs: 30 })).rejects.toMatchObject({ kind: 'unavailable' });
    expect(engine.shims.killed).toEqual([]);
    expect(state().phase).toBe('running');
    expect(engine.cgroups.killed).toContain(engine.store.containers.need(id).cgroupPath);
  });
});

describe('stopSandbox()', () => {
  it('stops all containers at once', async () => {
    const second = await start('second');
    engine.tasks.isStubborn = true;
    // The first ends only after the second has been asked to.
    engine.cgroups.onKill = undefined;
    const stopping = stopSandbox(engine.deps, pod, NEVER);
    await expect.poll(() => engine.tasks.signals.map((each) => each.id).sort()).toEqual([id, second].sort());
    for (const container of [id, second]) engine.tasks.end(container, 137);
    await stopping;
  });
});
