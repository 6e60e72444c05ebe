import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { EngineError } from '../errors.ts';
import type { ReconcileReport } from '../reconcile/index.ts';
import { containerSpec, sandboxSpec } from '../store/test-records.ts';
import { createContainer } from './create-container.ts';
import { createReconcileLoop, markRecords } from './reconcile.ts';
import { runSandbox } from './run-sandbox.ts';
import { startContainer } from './start-container.ts';
import { testEngine } from './test-engine.ts';

const NEVER = new AbortController().signal;
const POD = sandboxSpec({ namespaces: { network: 'pod', pid: 'pod', ipc: 'pod' } });
const CONTAINER = containerSpec({ command: ['sleep', '1'] });

afterEach(() => {
  globalThis.davitFault = undefined;
});

/** A pod with a started container, and a loop whose grace period is over at once. */
async function setUp() {
  const engine = await testEngine();
  const pod = await runSandbox(engine.deps, POD, NEVER);
  const container = await createContainer(engine.deps, pod, CONTAINER, NEVER);
  await startContainer(engine.deps, container, NEVER);
  const reports: ReconcileReport[] = [];
  const loop = createReconcileLoop({
    ...engine.deps,
    state: join(engine.root, 'state'),
    root: engine.root,
    settings: () => ({ intervalMs: 1_000_000, graceMs: -1_000_000 }),
    reported: (report) => void reports.push(report),
  });
  return { engine, pod, container, loop, reports, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
}

describe('the reconcile loop', () => {
  it('touches nothing that a record owns', async () => {
    await using world = await setUp();
    const before = world.engine.leftovers();
    await world.loop.sweep();
    expect(world.reports).toMatchObject([{ removed: [], kept: [], failed: [] }]);
    expect(world.engine.leftovers()).toEqual(before);
    expect(world.engine.marks.all()).toHaveLength(2);
  });

  it('removes all of a pod whose records are gone, and what cannot carry a label too', async () => {
    await using world = await setUp();
    const { engine, pod, container } = world;
    const record = engine.store.containers.need(container);
    engine.cgroups.there.add(record.cgroupPath).add(engine.store.sandboxes.need(pod).cgroupParent);
    engine.shims.running.push({ pid: 7, id: container });
    await engine.store.containers.delete(container);
    await engine.store.sandboxes.delete(pod);
    engine.tasks.tasks.delete(pod);
    await world.loop.sweep();
    expect(world.reports[0]?.removed).toEqual([
      'container',
      'container',
      'cgroup',
      'cgroup',
      'attachment',
      'snapshot',
      'output',
    ]);
    await world.loop.sweep(); // the shim is idle now
    expect(engine.shims.killed).toEqual([{ pid: 7, id: container }]);
    // What is in the pod's folder is found by looking at the node.
    expect(engine.leftovers()).toEqual(['namespaces', 'pod files']);
    expect(engine.cgroups.there).toEqual(new Set());
    await world.loop.sweep();
    expect(engine.marks.all()).toEqual([]);
  });

  it("removes one container's leftovers and leaves its pod alone", async () => {
    await using world = await setUp();
    const { engine, container } = world;
    await engine.store.containers.delete(container);
    await world.loop.sweep();
    expect(engine.leftovers()).toEqual(['sandbox ready', 'namespaces', 'network', 'pod files', 'object', 'task']);
  });

  it('removes what a runtime that was killed has left frozen: a container and a pause process', async () => {
    await using world = await setUp();
    const { engine, pod, container } = world;
    const { cgroupPath } = engine.store.containers.need(container);
    const { cgroupParent } = engine.store.sandboxes.need(pod);
    const frozen = new Map<string, string>([
      [container, cgroupPath],
      [pod, engine.cgroups.containerPath(cgroupParent, pod)],
    ]);
    await engine.store.containers.delete(container);
    await engine.store.sandboxes.delete(pod);
    engine.tasks.failDelete = (id) =>
      engine.cgroups.thawed.includes(frozen.get(id) ?? '') ? undefined : new EngineError('unknown', `${id} is paused`);
    await world.loop.sweep();
    expect(world.reports[0]?.failed).toEqual([]);
    expect(engine.tasks.tasks.size).toBe(0);
    expect(new Set(engine.cgroups.thawed)).toEqual(new Set(frozen.values()));
  });

  it('leaves everything of a damaged record and of its pod', async () => {
    await using world = await setUp();
    const { engine, pod, container } = world;
    await engine.store.containers.delete(container);
    await engine.store.sandboxes.delete(pod);
    await writeFile(join(engine.root, 'containers', `${container}.json`), 'torn');
    await engine.store.start();
    const before = engine.leftovers();
    await world.loop.sweep();
    expect(world.reports[0]?.removed).toEqual([]);
    expect(world.reports[0]?.kept.map(({ reason }) => reason)).toContain('damaged-record');
    expect(engine.leftovers()).toEqual(before);
  });

  it('leaves everything while a record cannot even be told whose it is', async () => {
    await using world = await setUp();
    const { engine, pod, container } = world;
    await engine.store.containers.delete(container);
    await engine.store.sandboxes.delete(pod);
    await writeFile(join(engine.root, 'containers', 'lost+found.json'), 'torn');
    await engine.store.start();
    await world.loop.sweep();
    expect(world.reports[0]?.removed).toEqual([]);
  });

  it('keeps the node of a container whose sandbox record is lost', async () => {
    await using world = await setUp();
    const { engine, pod } = world;
    await engine.store.sandboxes.delete(pod);
    await world.loop.sweep();
    expect(world.reports[0]?.removed).toEqual([]);
  });

  it('undoes a half-made record that nobody works on', async () => {
    await using world = await setUp();
    const { engine, pod } = world;
    const record = { ...engine.store.sandboxes.need(pod), state: { phase: 'creating' } as const };
    await rm(join(engine.root, 'containers'), { recursive: true });
    await engine.store.sandboxes.delete(pod);
    await engine.store.sandboxes.insert(record);
    await world.loop.sweep();
    expect(world.reports[0]?.removed[0]).toBe('record');
    expect(engine.store.sandboxes.get(pod)).toBeUndefined();
  });

  it('leaves leases alone that pulls work with', async () => {
    await using world = await setUp();
    world.engine.images.leases.set('working', true).set('left', false);
    await world.loop.sweep();
    expect(world.reports[0]?.removed).toEqual(['lease']);
    expect([...world.engine.images.leases.keys()]).toEqual(['working']);
  });
});

describe('markRecords()', () => {
  it('marks what a davitd without marks has recorded', async () => {
    await using world = await setUp();
    for (const { id } of world.engine.marks.all()) await world.engine.marks.delete(id);
    await markRecords(world.engine.deps);
    expect(world.engine.marks.all().map(({ id }) => id)).toEqual([world.pod, world.container]);
  });
});
