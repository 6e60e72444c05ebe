import { mkdirSync, mkdtempDisposableSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeFormerBoot } from './former-boot.ts';

function state() {
  const dir = mkdtempDisposableSync(join(tmpdir(), 'davit-state-'));
  for (const folder of ['sandboxes/id/ns', 'io/id', 'pump', 'containerd']) {
    mkdirSync(join(dir.path, folder), { recursive: true });
  }
  writeFileSync(join(dir.path, 'sandboxes/id/ns/net'), '');
  writeFileSync(join(dir.path, 'davit.sock'), '');
  return { path: dir.path, [Symbol.dispose]: () => dir.remove() };
}

describe('removeFormerBoot()', () => {
  it('removes folders, but neither what is at the top nor what is to be kept', async () => {
    using dir = state();
    const removed = await removeFormerBoot(dir.path, ['containerd'], async () => '');
    expect(removed.toSorted()).toEqual(['io', 'pump', 'sandboxes']);
    expect(readdirSync(dir.path).toSorted()).toEqual(['containerd', 'davit.sock']);
  });

  it('touches nothing where something is mounted: that is of this boot', async () => {
    using dir = state();
    const mount = `36 35 0:4 net:[1] ${dir.path}/sandboxes/id/ns/net rw shared:1 - nsfs nsfs rw`;
    expect(await removeFormerBoot(dir.path, [], async () => mount)).toEqual([]);
    expect(readdirSync(join(dir.path, 'sandboxes'))).toEqual(['id']);
  });
});
