import { describe, expect, it } from 'vitest';
import { EngineError } from '../errors.ts';
import { containerSpec, sandboxSpec } from '../store/test-records.ts';
import { createContainer } from './create-container.ts';
import { deleteTask } from './delete-task.ts';
import { removeContainer } from './remove-container.ts';
import { runSandbox } from './run-sandbox.ts';
import { startContainer } from './start-container.ts';
import { testEngine } from './test-engine.ts';

const NEVER = new AbortController().signal;

async function running(engine: Awaited<ReturnType<typeof testEngine>>) {
  const sandbox = await runSandbox(engine.deps, sandboxSpec(), NEVER);
  const id = await createContainer(engine.deps, sandbox, containerSpec(), NEVER);
  await startContainer(engine.deps, id, NEVER);
  return engine.store.containers.need(id);
}

describe('deleteTask()', () => {
  it('thaws the cgroup of a container that the runtime takes for a paused one', async () => {
    await using engine = await testEngine();
    const { id, cgroupPath } = await running(engine);
    engine.tasks.failDelete = () =>
      engine.cgroups.thawed.includes(cgroupPath)
        ? undefined
        : new EngineError('unknown', `cannot delete container ${id} that is not stopped: paused`);
    await removeContainer(engine.deps, id, NEVER);
    expect(engine.store.containers.get(id)).toBeUndefined();
    expect(engine.tasks.tasks.size).toBe(0);
  });

  it('does not thaw because containerd is away', async () => {
    await using engine = await testEngine();
    const record = await running(engine);
    engine.tasks.failDelete = () => new EngineError('unavailable', 'containerd is away');
    await expect(deleteTask(engine.deps, record, NEVER)).rejects.toThrow('containerd is away');
    expect(engine.cgroups.thawed).toEqual([]);
    engine.tasks.failDelete = undefined;
  });
});
