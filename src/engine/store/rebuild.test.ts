import { mkdtempDisposableSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createStore } from './index.ts';
import { containerRecord } from './test-records.ts';

describe('Table.rebuild()', () => {
  it('puts a record in the place of a damaged one, which stays beside it until the object is gone', async () => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'davit-rebuild-'));
    const record = containerRecord();
    const before = createStore(dir.path);
    await before.start();
    await before.containers.insert(record);
    const path = join(dir.path, 'containers', `${record.id}.json`);
    writeFileSync(path, '{"version":1');

    const store = createStore(dir.path);
    await store.start();
    expect(store.containers.damaged).toMatchObject([{ id: record.id, path }]);
    const rebuilt = containerRecord({ id: record.id, state: { phase: 'unknown', reason: 'damaged' } });
    await store.containers.rebuild(rebuilt);
    expect(store.containers.damaged).toEqual([]);
    expect(store.containers.need(record.id).state.phase).toBe('unknown');

    const again = createStore(dir.path);
    await again.start();
    expect(again.containers.need(record.id).state.phase).toBe('unknown');
    expect(readFileSync(`${path}.damaged`, 'utf8')).toBe('{"version":1');
    await again.containers.delete(record.id);
    expect(readdirSync(join(dir.path, 'containers'))).toEqual([]);
  });

  it('takes no record for one that is not damaged', async () => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'davit-rebuild-'));
    const store = createStore(dir.path);
    await store.start();
    await expect(store.containers.rebuild(containerRecord())).rejects.toMatchObject({ kind: 'not-found' });
  });
});
