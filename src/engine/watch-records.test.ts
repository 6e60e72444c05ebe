import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventHub } from './events/index.ts';
import type { PodEvent } from './events/index.ts';
import { createStore, moveContainer, moveSandbox } from './store/index.ts';
import type { Store } from './store/index.ts';
import { containerRecord, sandboxRecord } from './store/test-records.ts';
import { watchRecords } from './watch-records.ts';

let root: string;
let store: Store;
let hub: EventHub;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dve'));
  store = createStore(root);
  hub = new EventHub();
  watchRecords(store, hub);
  await store.start();
});

afterEach(() => rm(root, { recursive: true }));

async function podEvents(count: number, work: () => Promise<void>): Promise<readonly PodEvent[]> {
  const events: PodEvent[] = [];
  const following = hub.podEvents(new AbortController().signal);
  await work();
  for await (const event of following) {
    events.push(event);
    if (events.length === count) break;
  }
  return events;
}

describe('watchRecords()', () => {
  it('tells the life of a pod, each time with the pod as it was then', async () => {
    const sandbox = sandboxRecord({ state: { phase: 'creating' } });
    const container = containerRecord({ sandboxId: sandbox.id, state: { phase: 'creating' } });
    const { id } = container;
    const events = await podEvents(8, async () => {
      await store.sandboxes.insert(sandbox);
      await store.sandboxes.update(sandbox.id, (current) => moveSandbox(current, { phase: 'ready' }));
      await store.containers.insert(container);
      await store.containers.update(id, (current) => moveContainer(current, { phase: 'created' }));
      await store.containers.amend(id, (current) => moveContainer(current, { phase: 'starting' }));
      await store.containers.update(id, (c) => moveContainer(c, { phase: 'running', startedAt: 1n, pid: 2 }));
      await store.containers.update(id, (current) =>
        moveContainer(current, { phase: 'exited', finishedAt: 2n, exitCode: 0, reason: 'Completed', message: '' }),
      );
      await store.sandboxes.update(sandbox.id, (current) =>
        moveSandbox(current, { phase: 'not-ready', reason: 'stopped', since: 3n }),
      );
      await store.containers.delete(id);
      await store.sandboxes.delete(sandbox.id);
    });
    const told = events.map(({ event, pod }) => [
      `${event.object} ${event.action}`,
      pod.sandbox.state.phase,
      ...pod.containers.map(({ state }) => state.phase),
    ]);
    expect(told).toEqual([
      ['sandbox created', 'ready'],
      ['sandbox started', 'ready'],
      ['container created', 'ready', 'created'],
      ['container started', 'ready', 'running'],
      ['container stopped', 'ready', 'exited'],
      ['sandbox stopped', 'not-ready', 'exited'],
      ['container deleted', 'not-ready'],
      ['sandbox deleted', 'not-ready'],
    ]);
  });

  it('takes what is loaded for no change', async () => {
    await store.sandboxes.insert(sandboxRecord());
    const again = createStore(root);
    const quiet = new EventHub();
    watchRecords(again, quiet);
    await again.start();
    expect(again.sandboxes.list()).toHaveLength(1);
    expect(quiet.history({}).events).toEqual([]);
  });
});
