import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newSandboxId } from '../ids.ts';
import { createPodFiles } from './pod-files.ts';
import type { PodFiles, TmpfsMounts } from './pod-files.ts';

const own = { network: 'pod', pid: 'container', ipc: 'pod' } as const;
const node = { network: 'node', pid: 'node', ipc: 'node' } as const;
const id = newSandboxId();

/** Mounts in memory. */
class FakeMounts implements TmpfsMounts {
  readonly mounted = new Set<string>();
  failNext: Error | undefined;

  async mountTmpfs(target: string): Promise<void> {
    if (this.failNext !== undefined) throw this.failNext;
    this.mounted.add(target);
  }

  async unmount(target: string): Promise<void> {
    this.mounted.delete(target);
  }
}

let dir: string;
let mounts: FakeMounts;
let files: PodFiles;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dvpf'));
  mounts = new FakeMounts();
  await writeFile(join(dir, 'node-hosts'), '127.0.0.1 localhost\n10.9.9.9 the-node\n');
  await writeFile(join(dir, 'node-resolv'), 'nameserver 10.0.0.1\n');
  files = createPodFiles({
    state: dir,
    mounts,
    nodeFiles: { resolvConf: join(dir, 'node-resolv'), resolvedConf: '/nonexistent', hosts: join(dir, 'node-hosts') },
  });
});
afterEach(() => rm(dir, { recursive: true }));

describe('PodFiles.create()', () => {
  it('writes what a pod of its own expects', async () => {
    const dns = { servers: ['10.96.0.10'], searches: [], options: [] };
    const made = await files.create(id, { spec: { namespaces: own, dns }, hostname: 'web-0' });
    expect(await readFile(made.resolvConf, 'utf8')).toBe('nameserver 10.96.0.10\n');
    expect(await readFile(made.hostname, 'utf8')).toBe('web-0\n');
    expect(await readFile(made.hosts, 'utf8')).toMatch(/^127\.0\.0\.1\tlocalhost\n::1\tlocalhost /);
    expect([...mounts.mounted]).toEqual([made.shm]);
    expect((await stat(join(dir, 'sandboxes', id))).mode & 0o777).toBe(0o700);
    expect(files.mountsOf(id, own)).toEqual(made);
  });

  it("shows a pod on the node's network the node's hosts, and its /dev/shm where it shares IPC", async () => {
    const made = await files.create(id, { spec: { namespaces: node }, hostname: 'the-node' });
    expect(await readFile(made.hosts, 'utf8')).toContain('10.9.9.9 the-node');
    expect(await readFile(made.resolvConf, 'utf8')).toBe('nameserver 10.0.0.1\n');
    expect(made.shm).toBe('/dev/shm');
    expect([...mounts.mounted]).toEqual([]);
  });

  it('names the sandbox when a step fails, and remove() takes what is there', async () => {
    mounts.failNext = new Error('no memory');
    await expect(files.create(id, { spec: { namespaces: own }, hostname: 'web-0' })).rejects.toThrow(
      `write the files of sandbox ${id}: no memory`,
    );
    await files.remove(id);
    expect(await readdir(join(dir, 'sandboxes'))).toEqual([]);
  });
});

describe('PodFiles.writeHosts()', () => {
  it('adds the addresses to the same file', async () => {
    const { hosts } = await files.create(id, { spec: { namespaces: own }, hostname: 'web-0' });
    const before = await stat(hosts);
    await files.writeHosts(id, 'web-0', ['10.88.0.2', 'fd00::2']);
    expect(await readFile(hosts, 'utf8')).toMatch(/\n10\.88\.0\.2\tweb-0\nfd00::2\tweb-0\n$/);
    expect((await stat(hosts)).ino).toBe(before.ino);
  });
});

describe('PodFiles.remove()', () => {
  it('can be called again, for a sandbox that never was, and leaves the pins of namespaces alone', async () => {
    await files.create(id, { spec: { namespaces: own }, hostname: 'web-0' });
    await mkdir(join(dir, 'sandboxes', id, 'ns'));
    await files.remove(id);
    await files.remove(id);
    await files.remove(newSandboxId());
    expect(await readdir(join(dir, 'sandboxes', id))).toEqual(['ns']);
    expect([...mounts.mounted]).toEqual([]);
  });
});
