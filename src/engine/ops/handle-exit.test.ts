import { describe, expect, it } from 'vitest';
import { containerSpec, sandboxSpec } from '../store/test-records.ts';
import { createContainer } from './create-container.ts';
import { runSandbox } from './run-sandbox.ts';
import { startContainer } from './start-container.ts';
import { stopContainer } from './stop-container.ts';
import { testEngine } from './test-engine.ts';

const NEVER = new AbortController().signal;

/** A running container. */
async function running(engine: Awaited<ReturnType<typeof testEngine>>) {
  const sandbox = await runSandbox(engine.deps, sandboxSpec(), NEVER);
  const id = await createContainer(engine.deps, sandbox, containerSpec(), NEVER);
  await startContainer(engine.deps, id, NEVER);
  const { cgroupPath } = engine.store.containers.need(id);
  return { id, cgroupPath };
}

describe('the exit of a container', () => {
  it.each([
    [0, 0, 'Completed'],
    [0, 1, 'Completed'],
    [1, 1, 'Error'],
    [137, 0, 'Error'],
    [137, 1, 'OOMKilled'],
  ])('with code %i after %i deaths for want of memory has the reason %s', async (exitCode, oomKills, reason) => {
    await using engine = await testEngine();
    const { id, cgroupPath } = await running(engine);
    engine.cgroups.oomKills.set(cgroupPath, oomKills);
    engine.tasks.end(id, exitCode);
    await engine.deps.exits.settled(id);
    expect(engine.store.containers.need(id).state).toMatchObject({ phase: 'exited', exitCode, reason });
  });

  it('that davit itself brought about is not OOMKilled because a process had died so before', async () => {
    await using engine = await testEngine();
    const { id, cgroupPath } = await running(engine);
    engine.cgroups.oomKills.set(cgroupPath, 3);
    await stopContainer(engine.deps, id, 0, NEVER);
    expect(engine.store.containers.need(id).state).toMatchObject({ phase: 'exited', exitCode: 137, reason: 'Error' });
    expect(engine.deps.oomKillsBeforeKill.size).toBe(0);
  });
});
