import { describe, expect, it } from 'vitest';
import { newContainerId } from '../ids.ts';
import { containerRecord, containerSpec, sandboxRecord, sandboxSpec } from '../store/test-records.ts';
import type { ContainerState } from '../types/index.ts';
import { releaseNetworks } from './after-reboot.ts';
import { createContainer } from './create-container.ts';
import { removeContainer } from './remove-container.ts';
import { restore, watchByShims } from './restore.ts';
import { runSandbox } from './run-sandbox.ts';
import { startContainer } from './start-container.ts';
import { testEngine } from './test-engine.ts';

const NEVER = new AbortController().signal;
const REBOOTED_AT = 5_000_000_000_000_000_000n;

function sleeping(name: string) {
  return containerSpec({ metadata: { name, attempt: 0 }, command: ['sleep', '1'] });
}

/** A pod with a container that runs, and one that waits for its start. */
async function podOf(engine: Awaited<ReturnType<typeof testEngine>>) {
  const sandbox = await runSandbox(engine.deps, sandboxSpec(), NEVER);
  const running = await createContainer(engine.deps, sandbox, sleeping('running'), NEVER);
  await startContainer(engine.deps, running, NEVER);
  const created = await createContainer(engine.deps, sandbox, sleeping('created'), NEVER);
  return { sandbox, running, created };
}

describe('restore()', () => {
  it('K10: after a restart of the node has sandboxes not ready and containers exited, for a reason', async () => {
    await using engine = await testEngine();
    const { sandbox, running, created } = await podOf(engine);
    engine.tasks.tasks.clear();
    engine.namespaces.created.clear();
    await restore(engine.deps, REBOOTED_AT, NEVER);
    expect(engine.store.sandboxes.need(sandbox).state).toMatchObject({
      phase: 'not-ready',
      reason: 'the node was restarted',
    });
    const ended = { phase: 'exited', exitCode: 255, reason: 'NodeRebooted', finishedAt: REBOOTED_AT };
    expect(engine.store.containers.need(running).state).toMatchObject(ended);
    expect(engine.store.containers.need(created).state).toMatchObject(ended);
    expect(engine.store.containers.need(created).state).not.toHaveProperty('startedAt');
    await removeContainer(engine.deps, running, NEVER);
  });

  it('takes the pods of a former boot off their networks, and goes on past one that cannot be', async () => {
    await using engine = await testEngine();
    const first = await podOf(engine);
    const second = await runSandbox(
      engine.deps,
      sandboxSpec({ metadata: { name: 'other', uid: 'u2', namespace: 'default', attempt: 0 } }),
      NEVER,
    );
    engine.tasks.tasks.clear();
    engine.namespaces.created.clear();
    await restore(engine.deps, REBOOTED_AT, NEVER);
    engine.network.failNext('detach', new Error('the plugin is broken'));
    await releaseNetworks(engine.deps, NEVER);
    expect([...engine.network.attached.keys()]).toHaveLength(1);
    await releaseNetworks(engine.deps, NEVER);
    expect([...engine.network.attached.keys()]).toEqual([]);
    expect([first.sandbox, second].map((id) => engine.store.sandboxes.need(id).state.phase)).toEqual([
      'not-ready',
      'not-ready',
    ]);
  });

  it('leaves the network of a pod alone that is ready', async () => {
    await using engine = await testEngine();
    const { sandbox } = await podOf(engine);
    await releaseNetworks(engine.deps, NEVER);
    expect([...engine.network.attached.keys()]).toEqual([sandbox]);
  });
});

describe('watchByShims()', () => {
  it('learns an exit before containerd can be asked, and owes it the deletion of the task', async () => {
    await using engine = await testEngine();
    const containerd = { ready: false };
    const deps = { ...engine.deps, containerd: { status: () => containerd } };
    const sandbox = await engine.store.sandboxes.insert(sandboxRecord());
    const id = newContainerId();
    const state: ContainerState = { phase: 'running', startedAt: 1n, pid: 7 };
    const shim = { path: '/run/containerd/s/1', version: 3 } as const;
    await engine.store.containers.insert(containerRecord({ id, sandboxId: sandbox.id, state, shim }));
    await engine.tasks.create({ id, sandboxId: sandbox.id, rootfs: [], io: { terminal: false } });
    watchByShims(deps);
    engine.tasks.end(id, 9);
    await engine.deps.exits.settled(id);
    expect(engine.store.containers.need(id).state).toMatchObject({ phase: 'exited', exitCode: 9, reason: 'Error' });
  });

  it('records a container whose shim died as killed, and one whose status is lost as unknown, counted', async () => {
    await using engine = await testEngine();
    let lost = 0;
    const deps = { ...engine.deps, exitStatusLost: () => void lost++ };
    const { running } = await podOf(engine);
    engine.tasks.loseShim(running);
    await engine.deps.exits.settled(running);
    expect(engine.store.containers.need(running).state).toMatchObject({
      phase: 'exited',
      exitCode: 137,
      reason: 'ShimDied',
    });
    const sandbox = await engine.store.sandboxes.insert(
      sandboxRecord({ spec: sandboxSpec({ metadata: { name: 'p2', uid: 'u2', namespace: 'default', attempt: 0 } }) }),
    );
    const id = newContainerId();
    const state: ContainerState = { phase: 'running', startedAt: 1n, pid: 7 };
    await engine.store.containers.insert(containerRecord({ id, sandboxId: sandbox.id, state }));
    await restore(deps, undefined, NEVER);
    await engine.deps.exits.settled(id);
    expect(engine.store.containers.need(id).state).toMatchObject({
      phase: 'exited',
      exitCode: 255,
      reason: 'ExitStatusUnknown',
    });
    expect(lost).toBe(1);
  });
});
