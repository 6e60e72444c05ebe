import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfWatch } from './conf-watch.ts';

const nobody = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
/** So long that only events can explain what a test sees. */
const NEVER_MS = 3_600_000;
const conf = (name: string): string => JSON.stringify({ name, cniVersion: '1.0.0', plugins: [{ type: 'bridge' }] });

let root: string;
let dir: string;
let watch: ConfWatch;

async function follow(pollMs: number): Promise<void> {
  watch = new ConfWatch({ dirs: [dir], logger: nobody, onLook: async () => undefined, pollMs });
  await watch.start();
}

const name = (): string | undefined => watch.selection.network?.name;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dvcw'));
  dir = join(root, 'etc/cni/net.d');
});
afterEach(async () => {
  await watch.close();
  await rm(root, { recursive: true });
});

describe('ConfWatch', () => {
  it('sees a file that is renamed in, changed, and deleted', async () => {
    await mkdir(dir, { recursive: true });
    await follow(NEVER_MS);
    expect(watch.selection).toEqual({ problems: [] });
    await writeFile(join(root, 'new'), conf('one'));
    await rename(join(root, 'new'), join(dir, '10.conflist'));
    await expect.poll(name).toBe('one');
    await writeFile(join(dir, '10.conflist'), conf('two'));
    await expect.poll(name).toBe('two');
    await writeFile(join(dir, '10.conflist'), '{');
    await expect.poll(() => watch.selection.problems[0]?.path).toBe(join(dir, '10.conflist'));
    await rm(join(dir, '10.conflist'));
    await expect.poll(() => watch.selection).toEqual({ problems: [] });
  });

  it('sees folders that are made later, replaced, and deleted', async () => {
    await follow(NEVER_MS);
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, '10.conflist'), conf('one'));
    await expect.poll(name).toBe('one');
    await mkdir(join(root, 'other'));
    await writeFile(join(root, 'other/10.conflist'), conf('two'));
    await rename(dir, join(root, 'old'));
    await rename(join(root, 'other'), dir);
    await expect.poll(name).toBe('two');
    await writeFile(join(dir, '10.conflist'), conf('three'));
    await expect.poll(name).toBe('three');
    await rm(join(root, 'etc'), { recursive: true });
    await expect.poll(name).toBeUndefined();
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, '10.conflist'), conf('four'));
    await expect.poll(name).toBe('four');
  });

  it('polls, should no event come', async () => {
    dir = '/proc/self/net'; // a file system without events
    await follow(20);
    let looks = 0;
    await watch.close();
    watch = new ConfWatch({ dirs: [dir], logger: nobody, onLook: async () => void (looks += 1), pollMs: 20 });
    await watch.start();
    await expect.poll(() => looks).toBeGreaterThan(3);
  });

  it('stops looking when it is closed, and can be closed again', async () => {
    await mkdir(dir, { recursive: true });
    await follow(NEVER_MS);
    await watch.close();
    await writeFile(join(dir, '10.conflist'), conf('one'));
    await watch.close();
    expect(name()).toBeUndefined();
  });
});
