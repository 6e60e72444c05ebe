import { afterEach, describe, expect, it } from 'vitest';
import { moveContainer } from '../store/index.ts';
import type { ContainerState } from '../types/index.ts';
import { testEngine } from './test-engine.ts';
import { containerRecord, sandboxRecord } from '../store/test-records.ts';
import { updateContainer } from './update-container.ts';
import { updateSandbox } from './update-sandbox.ts';

const NEVER = new AbortController().signal;
const SPEC = { process: { args: ['x'], oomScoreAdj: 0 }, linux: { resources: { devices: [{ allow: false }] } } };

afterEach(() => {
  globalThis.davitFault = undefined;
});

async function engineWith(state: ContainerState) {
  const engine = await testEngine();
  const record = containerRecord({ state, resources: { cpuShares: 512, memoryLimitBytes: 1_000_000 } });
  await engine.store.containers.insert(record);
  await engine.objects.create({
    id: record.id,
    labels: {},
    image: '',
    runtimeType: '',
    shimOptions: { kind: 'runc', fields: {} },
    snapshotter: '',
    snapshotKey: '',
    spec: SPEC,
  });
  if (state.phase === 'running') {
    const io = { terminal: false };
    await engine.tasks.create({ id: record.id, sandboxId: record.sandboxId, rootfs: [], io });
  }
  return { engine, record };
}

/** What takes the update of the test below back. */
const BACK = expect.objectContaining({ cpu: { shares: 512, quota: -1, cpus: '0-1' } });
const RUNNING: ContainerState = { phase: 'running', startedAt: 1n, pid: 7 };

describe('updateContainer()', () => {
  it('K26: shows the new limits at once, leaves what is not set, and changes the spec that a task is made from', async () => {
    const { engine, record } = await engineWith({ phase: 'created' });
    await using _ = engine;
    await updateContainer(engine.deps, record.id, { cpuShares: 2048, oomScoreAdj: 500 }, NEVER);
    expect(engine.store.containers.need(record.id).resources).toEqual({
      cpuShares: 2048,
      memoryLimitBytes: 1_000_000,
      oomScoreAdj: 500,
    });
    expect(await engine.objects.spec(record.id)).toMatchObject({
      process: { args: ['x'], oomScoreAdj: 500 },
      linux: { resources: { devices: [{ allow: false }], cpu: { shares: 2048 }, memory: { limit: 1_000_000 } } },
    });
    expect(engine.tasks.updates).toEqual([]);
  });

  it('changes the cgroup of a running container', async () => {
    const { engine, record } = await engineWith(RUNNING);
    await using _ = engine;
    await updateContainer(engine.deps, record.id, { cpuQuotaUs: 5000, oomScoreAdj: 7 }, NEVER);
    expect(engine.tasks.updates).toMatchObject([
      { id: record.id, resources: { cpu: { shares: 512, quota: 5000 }, memory: { limit: 1_000_000 } } },
    ]);
    expect(engine.cgroups.oomScores.get(record.cgroupPath)).toBe(7);
  });

  it('is refused where the container has ended', async () => {
    const { engine, record } = await engineWith({
      phase: 'exited',
      finishedAt: 1n,
      exitCode: 0,
      reason: 'Completed',
      message: '',
    });
    await using _ = engine;
    await expect(updateContainer(engine.deps, record.id, { cpuShares: 3 }, NEVER)).rejects.toMatchObject({
      kind: 'failed-precondition',
    });
  });

  it('names the field when swap and memory together are less than memory alone', async () => {
    const { engine, record } = await engineWith({ phase: 'created' });
    await using _ = engine;
    await expect(updateContainer(engine.deps, record.id, { memorySwapLimitBytes: 5 }, NEVER)).rejects.toThrow(
      'linux.memory_swap_limit_in_bytes',
    );
  });

  it('is refused below the least memory of the node', async () => {
    const { engine, record } = await engineWith({ phase: 'created' });
    await using _ = engine;
    const containers = { ...engine.deps.defaults.containers, minMemoryBytes: 4096 };
    const deps = { ...engine.deps, defaults: { ...engine.deps.defaults, containers } };
    await expect(updateContainer(deps, record.id, { memoryLimitBytes: 4095 }, NEVER)).rejects.toThrow('min_memory');
    await updateContainer(deps, record.id, { cpuShares: 3 }, NEVER);
  });

  it.each([
    ['update-spec', undefined],
    ['update-cgroup', BACK],
    ['record-result', BACK],
  ])('leaves record, spec and cgroup as they were when %s fails', async (failing, last) => {
    const { engine, record } = await engineWith(RUNNING);
    await using _ = engine;
    globalThis.davitFault = async (_op, step, moment) => {
      if (step === failing && moment === 'after') throw new Error('injected');
    };
    const update = { cpuQuotaUs: 5000, cpusetCpus: '1', hugepageLimits: [{ pageSize: '2MB', limitBytes: 1 }] };
    await expect(updateContainer(engine.deps, record.id, update, NEVER)).rejects.toThrow('injected');
    expect(engine.store.containers.need(record.id).resources).toEqual(record.resources);
    expect(await engine.objects.spec(record.id)).toEqual(SPEC);
    expect(engine.tasks.updates.at(-1)?.resources).toEqual(last);
  });

  it('leaves everything as it was when the runtime refuses', async () => {
    const { engine, record } = await engineWith(RUNNING);
    await using _ = engine;
    engine.tasks.failUpdate = new Error('device or resource busy');
    await expect(updateContainer(engine.deps, record.id, { memoryLimitBytes: 4096 }, NEVER)).rejects.toThrow('busy');
    expect(engine.store.containers.need(record.id)).toEqual(
      moveContainer({ ...record, state: { phase: 'starting' } }, RUNNING),
    );
    expect(await engine.objects.spec(record.id)).toEqual(SPEC);
  });
});

describe('updateSandbox()', () => {
  it('K33: keeps what it is told and leaves what it is not', async () => {
    await using engine = await testEngine();
    const record = sandboxRecord();
    await engine.store.sandboxes.insert(record);
    await updateSandbox(engine.deps, record.id, { overhead: { cpuShares: 2 } });
    await updateSandbox(engine.deps, record.id, { resources: { memoryLimitBytes: 5 } });
    expect(engine.store.sandboxes.need(record.id).podResources).toEqual({
      overhead: { cpuShares: 2 },
      resources: { memoryLimitBytes: 5 },
    });
    await expect(updateSandbox(engine.deps, 'f'.repeat(64), {})).rejects.toMatchObject({ kind: 'not-found' });
  });
});
