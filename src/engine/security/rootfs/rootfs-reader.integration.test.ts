import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isKind } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { RootfsMount } from './root-mounts.ts';
import type { RootfsReader } from './rootfs-reader.ts';
import { createRootfsReader, ROOTFS_WORKER_SOURCE } from './service.ts';

const signal = new AbortController().signal;
const lost: string[] = [];
const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (_fields, message) => lost.push(message),
};
let dir: string;
let reader: RootfsReader;

beforeEach(async () => {
  lost.length = 0;
  dir = await mkdtemp('/tmp/dvroot');
  reader = createRootfsReader({ state: join(dir, 'state'), workerEntry: ROOTFS_WORKER_SOURCE, logger });
  await reader.start(signal);
});

afterEach(async () => {
  await reader.close();
  await rm(dir, { recursive: true });
});

/** A layer's folder with these files. */
async function layer(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const root = join(dir, 'snapshots', name, 'fs');
  await mkdir(join(root, 'etc'), { recursive: true });
  for (const [path, content] of Object.entries(files)) await writeFile(join(root, path), content);
  return root;
}

function bind(source: string): readonly RootfsMount[] {
  return [{ type: 'bind', source, options: ['rbind', 'rw'] }];
}

function overlay(layers: readonly string[], upper?: string): readonly RootfsMount[] {
  const options = [
    'index=off',
    ...(upper === undefined ? [] : [`upperdir=${upper}`, `workdir=${join(dir, 'work')}`]),
    `lowerdir=${layers.join(':')}`,
  ];
  return [{ type: 'overlay', source: 'overlay', options }];
}

async function read(mounts: readonly RootfsMount[], path = '/etc/passwd'): Promise<string | undefined> {
  return (await reader.readFiles(mounts, [path], signal)).get(path)?.toString();
}

function threadsMountNamespaces(): ReadonlySet<string> {
  const tasks = readdirSync('/proc/self/task');
  return new Set(tasks.map((task) => readlinkSync(`/proc/self/task/${task}/ns/mnt`)));
}

/** An image's folder, and one for what is written above it. */
async function writable(): Promise<{ readonly mounts: readonly RootfsMount[]; readonly upper: string }> {
  const root = await layer('1', { 'etc/file': 'x' });
  await mkdir(join(root, 'var/lib'), { recursive: true });
  await chmod(join(root, 'var'), 0o711);
  await chown(join(root, 'var'), 5, 6);
  await symlink('/var', join(root, 'link'));
  await symlink('/../../out', join(root, 'dangling'));
  const upper = join(dir, 'upper');
  await mkdir(upper);
  await mkdir(join(dir, 'work'));
  return { mounts: overlay([root], upper), upper };
}

describe('RootfsReader.makeFolders()', () => {
  it('makes what the image has not, and leaves what it has; no link leads out', async () => {
    const { mounts, upper } = await writable();
    await reader.makeFolders(mounts, { paths: ['/data', '/var/lib', '/link/new/deep'] }, signal);
    expect((await readdir(upper)).sort()).toEqual(['data', 'var']);
    expect(await readdir(join(upper, 'var'))).toEqual(['new']);
    const made = await stat(join(upper, 'var/new/deep'));
    expect([made.mode & 0o7777, made.uid, made.gid]).toEqual([0o755, 0, 0]);
    const parent = await stat(join(upper, 'var'));
    expect([parent.mode & 0o7777, parent.uid, parent.gid]).toEqual([0o711, 5, 6]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(dir);
  });

  it('has the ids of the node in a root that is shifted, with all that is copied for it', async () => {
    const { mounts, upper } = await writable();
    await reader.makeFolders(mounts, { paths: ['/var/new', '/var/other'], shift: 100_000 }, signal);
    const [made, parent] = [await stat(join(upper, 'var/new')), await stat(join(upper, 'var'))];
    expect([made.uid, made.gid, parent.uid, parent.gid]).toEqual([100_000, 100_000, 100_005, 100_006]);
  });

  it('refuses a path at which something else is, or a link that leads nowhere', async () => {
    const { mounts } = await writable();
    for (const path of ['/etc/file', '/etc/file/below', '/dangling']) {
      const error: unknown = await reader.makeFolders(mounts, { paths: [path] }, signal).catch((one: unknown) => one);
      expect(isKind(error, 'invalid-argument')).toBe(true);
    }
    await expect(stat(join(dir, 'out'))).rejects.toThrow('ENOENT');
  });
});

describe('RootfsReader.copyTrees()', () => {
  it('copies a folder with owners, modes and links, and leaves the destination empty where there is none', async () => {
    const root = await layer('1', { 'etc/own': 'mine' });
    await chown(join(root, 'etc'), 33, 44);
    await chmod(join(root, 'etc'), 0o2750);
    await symlink('/nowhere', join(root, 'etc/link'));
    const [full, empty] = [join(dir, 'full'), join(dir, 'empty')];
    await Promise.all([mkdir(full), mkdir(empty)]);
    const copies = [
      { path: '/etc', destination: full },
      { path: '/none', destination: empty },
    ];
    await reader.copyTrees(overlay([root, await layer('2', { 'etc/low': 'l' })]), copies, signal);
    expect((await readdir(full)).sort()).toEqual(['link', 'low', 'own']);
    expect(await readlink(join(full, 'link'))).toBe('/nowhere');
    expect(await stat(full)).toMatchObject({ uid: 33, gid: 44, mode: 0o42750 });
    expect(await readdir(empty)).toEqual([]);
  });

  it('CVE-2022-23648: never leaves the root, by dots or by links', async () => {
    const root = await layer('1', { 'etc/inside': 'x' });
    await symlink('/etc', join(root, 'absolute'));
    await symlink('../../../../../../etc', join(root, 'dots'));
    const names = ['absolute', 'dots', '../../../../etc'];
    for (const [index, name] of names.entries()) {
      const destination = join(dir, `copy-${index}`);
      await mkdir(destination);
      await reader.copyTrees(bind(root), [{ path: `/${name}`, destination }], signal);
      expect(await readdir(destination)).toEqual(['inside']);
    }
  });

  it('refuses what is no folder', async () => {
    const root = await layer('1', { 'etc/file': 'x' });
    const copies = [{ path: '/etc/file', destination: dir }];
    await expect(reader.copyTrees(bind(root), copies, signal)).rejects.toMatchObject({ kind: 'invalid-argument' });
  });
});

describe('RootfsReader.readFiles()', () => {
  it('reads several files of a bound root, and says which are not there', async () => {
    const root = await layer('1', { 'etc/passwd': 'p', 'etc/group': 'g' });
    const files = await reader.readFiles(bind(root), ['/etc/passwd', '/etc/group', '/etc/none', '/no/way'], signal);
    expect(files.get('/etc/passwd')?.toString()).toBe('p');
    expect(files.get('/etc/group')?.toString()).toBe('g');
    expect(files.get('/etc/none')).toBeUndefined();
    expect(files.get('/no/way')).toBeUndefined();
  });

  it.each(['dev', 'proc', 'sys'])('CVE-2021-30465: refuses a root whose /%s is a link or a file', async (name) => {
    const linked = await layer('1', { 'etc/passwd': 'p' });
    await symlink('/etc', join(linked, name));
    const problem = `the image's /${name} is not a folder`;
    await expect(read(bind(linked))).rejects.toThrow(problem);
    await expect(reader.readFiles(bind(linked), [], signal)).rejects.toMatchObject({ kind: 'invalid-argument' });
    await expect(read(bind(await layer('2', { [name]: 'a file' })))).rejects.toThrow(problem);
    const plain = await layer('3', { 'etc/passwd': 'p' });
    await mkdir(join(plain, name));
    expect(await read(bind(plain))).toBe('p');
  });

  it('sees what is on top in an overlay, its upper folder first', async () => {
    const [low, high] = [
      await layer('1', { 'etc/passwd': 'low', 'etc/group': 'low' }),
      await layer('2', { 'etc/passwd': 'high' }),
    ];
    const upper = await layer('3', {});
    expect(await read(overlay([high, low], upper))).toBe('high');
    expect(await read(overlay([high, low], upper), '/etc/group')).toBe('low');
    await writeFile(join(upper, 'etc/group'), 'upper');
    expect(await read(overlay([high, low], upper), '/etc/group')).toBe('upper');
    expect(await read(overlay([low]))).toBe('low');
  });

  it('reads beside the overlay that writes to the same upper folder, and does not disturb it', async () => {
    const [low, upper] = [await layer('1', { 'etc/passwd': 'low' }), await layer('2', {})];
    const merged = join(dir, 'merged');
    await mkdir(merged);
    await mkdir(join(dir, 'work'));
    execFileSync('mount', [
      '-t',
      'overlay',
      '-o',
      `lowerdir=${low},upperdir=${upper},workdir=${dir}/work`,
      'overlay',
      merged,
    ]);
    try {
      await writeFile(join(merged, 'etc/passwd'), 'written');
      expect(await read(overlay([low], upper))).toBe('written');
      await writeFile(join(merged, 'etc/passwd'), 'again');
      expect(readFileSync(join(merged, 'etc/passwd'), 'utf8')).toBe('again');
    } finally {
      execFileSync('umount', [merged]);
    }
  });

  it('reads an image of 120 layers', async () => {
    const layers: string[] = [];
    for (let number = 1; number <= 120; number += 1)
      layers.unshift(await layer(String(number), { [`etc/${number}`]: 'x' }));
    await writeFile(join(dir, 'snapshots/1/fs/etc/passwd'), 'deepest');
    const mounts = overlay(layers, await layer('121', {}));
    expect(mounts[0]?.options.join(',').length).toBeGreaterThan(4096 / 2);
    const files = await reader.readFiles(mounts, ['/etc/passwd', '/etc/1', '/etc/120'], signal);
    expect([...files.values()].map(String)).toEqual(['deepest', 'x', 'x']);
  });

  it('follows symlinks inside the root and never out of it', async () => {
    const root = await layer('1', { real: 'inside', shadow: 'the image’s' });
    await symlink('/real', join(root, 'etc/absolute'));
    await symlink('../../../../real', join(root, 'etc/dots'));
    await symlink('/../../etc/hostname', join(root, 'etc/passwd'));
    await symlink(join(dir, 'outside'), join(root, 'etc/outside'));
    await symlink('/', join(root, 'up'));
    await writeFile(join(dir, 'outside'), 'secret');
    expect(await read(bind(root), '/etc/absolute')).toBe('inside');
    expect(await read(bind(root), '/etc/dots')).toBe('inside');
    expect(await read(bind(root), '/up/up/../real')).toBe('inside');
    expect(await read(bind(root))).toBeUndefined();
    expect(await read(bind(root), '/etc/outside')).toBeUndefined();
  });

  it('refuses what is not a small regular file, at once and before reading it', async () => {
    const root = await layer('1', { 'etc/group': '', 'etc/limit': '' });
    await truncate(join(root, 'etc/group'), 2 * 1024 ** 3);
    await truncate(join(root, 'etc/limit'), 10 * 1024 ** 2);
    execFileSync('mkfifo', [join(root, 'etc/fifo')]);
    execFileSync('mknod', [join(root, 'etc/device'), 'c', '1', '5']);
    await symlink('loop', join(root, 'etc/loop'));
    await mkdir(join(root, 'etc/folder'));
    expect((await read(bind(root), '/etc/limit'))?.length).toBe(10 * 1024 ** 2);
    await expect(read(bind(root), '/etc/group')).rejects.toThrow('/etc/group is larger than 10485760 bytes');
    await expect(read(bind(root), '/etc/fifo')).rejects.toThrow('is not a regular file');
    await expect(read(bind(root), '/etc/folder')).rejects.toThrow('is not a regular file');
    await expect(read(bind(root), '/etc/device')).rejects.toThrow('EACCES');
    await expect(read(bind(root), '/etc/loop')).rejects.toThrow('ELOOP');
    await expect(read(bind(root), '/etc/fifo')).rejects.toSatisfy((error) => isKind(error, 'invalid-argument'));
  });

  it('leaves no mount, and no thread in another mount namespace', async () => {
    const root = await layer('1', { 'etc/passwd': 'p' });
    const other = await layer('2', {});
    await Promise.all(Array.from({ length: 50 }, () => read(overlay([root, other]))));
    await expect(read(overlay(['/no/such/layer', root]))).rejects.toThrow('ENOENT');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(dir);
    expect(threadsMountNamespaces()).toEqual(new Set([readlinkSync('/proc/self/ns/mnt')]));
    expect(process.cwd()).toBe(readlinkSync('/proc/self/cwd'));
    expect(await read(bind(root))).toBe('p');
  });

  it('does not read for a caller that has gone', async () => {
    const root = await layer('1', { 'etc/passwd': 'p' });
    const reading = reader.readFiles(bind(root), ['/etc/passwd'], AbortSignal.abort());
    await expect(reading).rejects.toSatisfy((error) => isKind(error, 'cancelled'));
  });

  it('gives a thread up that does not answer, and says so', async () => {
    const hung = createRootfsReader({
      state: join(dir, 'state'),
      workerEntry: new URL('./hung-worker.fixture.ts', import.meta.url),
      logger,
      timeoutMs: 200,
    });
    await hung.start(signal);
    await expect(hung.readFiles(bind(dir), ['/x'], signal)).rejects.toThrow('no answer within 0.2 s');
    expect(lost).toHaveLength(1);
    await hung.close();
  });
});
