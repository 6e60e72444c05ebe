import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newSandboxId } from '../ids.ts';
import type { SandboxId } from '../ids.ts';
import { createStore, moveSandbox } from './index.ts';
import type { SandboxRecord, Store } from './index.ts';
import { sandboxSpec } from './test-records.ts';

let root: string;
let store: Store;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'davit-store-'));
  store = createStore(root);
  await store.start();
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

function record(overrides: Partial<SandboxRecord> = {}): SandboxRecord {
  const id = overrides.id ?? newSandboxId();
  return {
    id,
    spec: sandboxSpec({
      metadata: { name: `pod-${id.slice(0, 8)}`, uid: 'u', namespace: 'n', attempt: 0 },
      labels: { createdAt: '12n' },
    }),
    createdAt: store.clock.next(),
    state: { phase: 'ready' },
    namespaces: {},
    configHash: 'h',
    handlerName: 'runc',
    cgroupParent: '/davit/x',
    networkRequested: true,
    ...overrides,
  };
}

async function reopened(): Promise<Store> {
  const next = createStore(root);
  await next.start();
  return next;
}

describe('Table', () => {
  it('gives a record back after a restart, times to the nanosecond', async () => {
    const made = await store.sandboxes.insert(
      record({ state: { phase: 'not-ready', reason: 'stopped', since: 1_732_000_000_123_456_789n } }),
    );
    const again = await reopened();
    expect(again.sandboxes.get(made.id)).toEqual(made);
  });

  it('freezes what it hands out, all the way down', async () => {
    const made = await store.sandboxes.insert(record());
    expect(Object.isFrozen(made)).toBe(true);
    expect(Object.isFrozen(made.spec.metadata)).toBe(true);
  });

  it('hides what is being created from find and list, but keeps its name', async () => {
    const made = await store.sandboxes.insert(record({ state: { phase: 'creating' } }));
    expect(store.sandboxes.list()).toEqual([]);
    expect(store.sandboxes.find(made.id)).toBeUndefined();
    expect(store.sandboxes.get(made.id)).toBe(made);
    const twin = record({ spec: made.spec });
    await expect(store.sandboxes.insert(twin)).rejects.toMatchObject({ kind: 'already-exists' });
  });

  it('finds by unique prefix and refuses an ambiguous one', async () => {
    const a = `aa${'0'.repeat(62)}` as SandboxId;
    const b = `ab${'0'.repeat(62)}` as SandboxId;
    await store.sandboxes.insert(record({ id: a }));
    await store.sandboxes.insert(record({ id: b }));
    expect(store.sandboxes.need('aa').id).toBe(a);
    expect(() => store.sandboxes.need('a')).toThrow('fits 2 ids');
    expect(() => store.sandboxes.need('f')).toThrow('not found');
    expect(() => store.sandboxes.find('')).toThrow('must not be empty');
  });

  it('keeps an amendment in memory until the next update', async () => {
    const made = await store.sandboxes.insert(record());
    await store.sandboxes.amend(made.id, (current) => ({ ...current, cgroupParent: '/amended' }));
    expect(store.sandboxes.need(made.id).cgroupParent).toBe('/amended');
    expect((await reopened()).sandboxes.need(made.id).cgroupParent).toBe('/davit/x');
    await store.sandboxes.update(made.id, (current) => ({ ...current, pausePid: 7 }));
    expect((await reopened()).sandboxes.need(made.id)).toMatchObject({ cgroupParent: '/amended', pausePid: 7 });
  });

  it('is the same list until something changes', async () => {
    await store.sandboxes.insert(record());
    const before = store.sandboxes.list();
    expect(store.sandboxes.list()).toBe(before);
    await store.sandboxes.insert(record());
    expect(store.sandboxes.list()).toHaveLength(2);
  });

  it('refuses a step that the state machine does not have', async () => {
    const made = await store.sandboxes.insert(record({ state: { phase: 'not-ready', reason: 'x', since: 1n } }));
    await expect(
      store.sandboxes.update(made.id, (current) => moveSandbox(current, { phase: 'ready' })),
    ).rejects.toMatchObject({ kind: 'failed-precondition' });
    expect(store.sandboxes.get(made.id)).toBe(made);
  });

  it('frees the name of a deleted record, also for the next start', async () => {
    const made = await store.sandboxes.insert(record());
    await store.sandboxes.delete(made.id);
    await store.sandboxes.delete(made.id);
    expect(await readdir(join(root, 'sandboxes'))).toEqual([]);
    const twin = await store.sandboxes.insert(record({ spec: made.spec }));
    expect((await reopened()).sandboxes.list()).toEqual([twin]);
  });

  it('loses one object to a damaged file, tells which, and leaves the file alone', async () => {
    const good = await store.sandboxes.insert(record());
    const bad = await store.sandboxes.insert(record());
    const path = join(root, 'sandboxes', `${bad.id}.json`);
    await writeFile(path, '{"version":1,');
    const again = await reopened();
    expect(again.sandboxes.list()).toEqual([good]);
    expect(again.sandboxes.damaged).toMatchObject([{ path }]);
    expect(await readFile(path, 'utf8')).toBe('{"version":1,');
  });

  it('refuses a record of a version it does not know', async () => {
    const made = await store.sandboxes.insert(record());
    const path = join(root, 'sandboxes', `${made.id}.json`);
    await writeFile(path, (await readFile(path, 'utf8')).replace('"version":1', '"version":99'));
    expect((await reopened()).sandboxes.damaged[0]?.problem).toContain('version 99');
  });

  it('makes creation times that increase over restarts, whatever the clock says', async () => {
    const future = BigInt(Date.now() + 3_600_000) * 1_000_000n;
    await store.sandboxes.insert(record({ createdAt: future }));
    expect((await reopened()).clock.next()).toBe(future + 1n);
  });
});
