import { cpSync, mkdirSync, mkdtempDisposableSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createStore } from './index.ts';
import { RECORD_VERSION } from './records.ts';

const FIXTURES = new URL('./fixtures/', import.meta.url).pathname;

/** Records of one version, as files of a root folder. */
function rootOf(version: string) {
  const dir = mkdtempDisposableSync(join(tmpdir(), 'davit-versions-'));
  for (const name of readdirSync(join(FIXTURES, version))) {
    const folder = name.startsWith('sandbox-') ? 'sandboxes' : 'containers';
    mkdirSync(join(dir.path, folder), { recursive: true });
    cpSync(join(FIXTURES, version, name), join(dir.path, folder, name));
  }
  return dir;
}

describe('records of earlier davitds', () => {
  it('are there for each version', () => {
    const expected = Array.from({ length: RECORD_VERSION }, (_, index) => `v${index + 1}`);
    expect(readdirSync(FIXTURES).toSorted()).toEqual(expected);
  });

  it.each(readdirSync(FIXTURES))('of version %s are read, each in the state that it was in', async (version) => {
    using root = rootOf(version);
    const store = createStore(root.path);
    await store.start();
    expect([...store.sandboxes.damaged, ...store.containers.damaged]).toEqual([]);
    expect(phases(store.sandboxes.all())).toEqual(['not-ready', 'ready', 'ready']);
    expect(phases(store.containers.all())).toEqual(['created', 'exited', 'exited', 'running', 'unknown']);
  });

  it('K8: are older than what is made now, also after the clock was set back', async () => {
    using root = rootOf('v1');
    const store = createStore(root.path);
    await store.start();
    const newest = store.containers.all().reduce((most, { createdAt }) => (createdAt > most ? createdAt : most), 0n);
    expect(newest).toBeGreaterThan(BigInt(Date.now()) * 1_000_000n);
    expect(store.clock.next()).toBeGreaterThan(newest);
  });

  it('keep their meaning in the version that is written now', async () => {
    using root = rootOf('v1');
    const before = createStore(root.path);
    await before.start();
    for (const { id } of before.containers.all()) await before.containers.update(id, (record) => ({ ...record }));
    const after = createStore(root.path);
    await after.start();
    expect(after.containers.all().toSorted(byId)).toEqual(before.containers.all().toSorted(byId));
  });
});

function phases(records: readonly { readonly state: { readonly phase: string } }[]): readonly string[] {
  return records.map(({ state }) => state.phase).toSorted();
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}
