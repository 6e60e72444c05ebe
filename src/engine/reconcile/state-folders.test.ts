import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newContainerId, newSandboxId } from '../ids.ts';
import { findFolders } from './state-folders.ts';

let dir: string;
let state: string;
let root: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'davit-folders-'));
  state = join(dir, 'state');
  root = join(dir, 'root');
});

afterEach(() => rm(dir, { recursive: true }));

describe('findFolders()', () => {
  it('finds what is named after pods, containers and execs, and nothing else', async () => {
    const [pod, container] = [newSandboxId(), newContainerId()];
    const folders = [
      join(state, 'sandboxes', pod),
      join(state, 'volumes', container),
      join(root, 'volumes', container),
      join(state, 'io', container),
      join(state, 'exec', `${container}.0123456789a`),
    ];
    for (const path of [...folders, join(state, 'sandboxes', 'notes'), join(state, 'else', pod)]) {
      await mkdir(path, { recursive: true });
    }
    await writeFile(join(state, 'sandboxes', `${pod}-copy`), '');
    const found = await findFolders(state, root);
    expect(found.map(({ path }) => path).sort()).toEqual(folders.sort());
    expect(found.map(({ kind, owner }) => `${kind} of ${owner === pod ? 'pod' : 'container'}`).sort()).toEqual([
      'folder of container',
      'folder of container',
      'folder of container',
      'folder of pod',
      'output of container',
    ]);
  });

  it('finds nothing where there is nothing', async () => {
    expect(await findFolders(state, root)).toEqual([]);
  });
});
