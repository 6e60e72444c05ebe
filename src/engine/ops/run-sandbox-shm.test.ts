import { describe, expect, it } from 'vitest';
import { createHandlers } from '../runtime/handlers.ts';
import { sandboxSpec } from '../store/test-records.ts';
import { runSandbox } from './run-sandbox.ts';
import { testEngine } from './test-engine.ts';

const SHM_SIZE = 'davit.shm-size';
const NEVER = new AbortController().signal;

async function engineThatLets(podAnnotations: readonly string[]) {
  const engine = await testEngine();
  const { config } = engine.deps.handlers.resolve('');
  const handlers = { runc: { ...config, podAnnotations } };
  const told: unknown[] = [];
  const logger = { ...engine.deps.logger, warn: (fields: object) => void told.push(fields) };
  const table = createHandlers({ handlers, defaultRuntime: 'runc' }, 'cgroupfs');
  return { ...engine, told, deps: { ...engine.deps, logger, handlers: table } };
}

function podWith(size: string) {
  return sandboxSpec({
    annotations: { [SHM_SIZE]: size },
    namespaces: { network: 'pod', pid: 'container', ipc: 'pod' },
  });
}

describe("runSandbox() with a size of the pod's /dev/shm", () => {
  it('makes it that large', async () => {
    await using engine = await engineThatLets([SHM_SIZE]);
    const id = await runSandbox(engine.deps, podWith('8Mi'), NEVER);
    expect([...engine.podFiles.created.values()]).toMatchObject([{ shmSizeBytes: 8 * 1024 ** 2 }]);
    expect(engine.store.sandboxes.need(id).state.phase).toBe('ready');
    expect(engine.told).toEqual([]);
  });

  it('begins nothing for a size that is none', async () => {
    await using engine = await engineThatLets([SHM_SIZE]);
    await expect(runSandbox(engine.deps, podWith('much'), NEVER)).rejects.toMatchObject({ kind: 'invalid-argument' });
    expect(engine.leftovers()).toEqual([]);
  });

  it('leaves it as it is, and says so, where the handler does not let the annotation through', async () => {
    await using engine = await engineThatLets([]);
    await runSandbox(engine.deps, podWith('8Mi'), NEVER);
    expect([...engine.podFiles.created.values()][0]).not.toHaveProperty('shmSizeBytes');
    expect(engine.told).toMatchObject([{ annotations: [SHM_SIZE], handler: 'runc' }]);
  });
});
