import { NO_INSTRUMENTS } from '../instruments.ts';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startContainerd } from '../../../test/integration/containerd.ts';
import { createContainerd } from './containerd.ts';
import type { Containerd, ContainerdStatus } from './containerd.ts';
import { isAlive } from './process-table.ts';
import { supervisedPaths } from './supervised-paths.ts';

const signal = AbortSignal.timeout(200_000);
const call = { signal };

/** Short, for the calls that are to fail: one that waits for a restart waits by ready(). */
const WAIT_MS = 300;

describe('createContainerd() at a given address', () => {
  it('identifies containerd, makes the namespace and survives its restart', async () => {
    await using server = await startContainerd();
    await using dir = tempDir();
    await using containerd = await startAt(server.address, dir.path);
    const facts = await containerd.ready(signal);
    expect(containerd.status()).toEqual({ ready: true, reason: '', message: '', address: server.address });
    expect(readChoice(dir.path)).toMatchObject({ kind: 'given', address: server.address, uuid: facts.uuid });
    const { namespaces } = await containerd.clients.namespaces.list({}, call);
    expect(namespaces.map(({ name }) => name)).toContain('davit');

    const away = statusWhere(containerd, (status) => !status.ready);
    await server.kill();
    expect(await away).toMatchObject({ reason: 'ContainerdUnavailable' });
    const failing = containerd.clients.version.version({}, call);
    await expect(failing).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining(server.address),
    });
    await server.start();
    await containerd.ready(signal);
    await containerd.clients.version.version({}, call);
  });

  it('waits for a containerd that comes later', async () => {
    await using server = await startContainerd();
    await server.kill();
    await using dir = tempDir();
    await using containerd = await startAt(server.address, dir.path);
    const ready = containerd.ready(signal);
    await server.start();
    expect((await ready).uuid).not.toBe('');
    expect(await failureKind(containerd.ready(AbortSignal.abort()))).toBe('none');
  });

  it('refuses another containerd while pods are recorded, and takes it when none are', async () => {
    await using first = await startContainerd();
    await using second = await startContainerd();
    await using dir = tempDir();
    {
      await using containerd = await startAt(first.address, dir.path);
      await containerd.ready(signal);
    }
    let records = true;
    {
      await using containerd = await startAt(second.address, dir.path, () => records);
      await statusWhere(containerd, (status) => status.reason === 'ContainerdMismatch');
      const failing = containerd.clients.containers.list({}, call);
      await expect(failing).rejects.toMatchObject({ kind: 'failed-precondition' });
      expect(readChoice(dir.path)).toMatchObject({ address: first.address });
      records = false;
      await second.restart();
      await containerd.ready(signal);
    }
    expect(readChoice(dir.path)).toMatchObject({ address: second.address });
  });

  it('closes twice, and calls fail afterwards', async () => {
    await using server = await startContainerd();
    await using dir = tempDir();
    await using containerd = await startAt(server.address, dir.path);
    await containerd.ready(signal);
    await containerd.close();
    await containerd.close();
    expect(await failureKind(containerd.clients.version.version({}, call))).toBe('unavailable');
    expect(await failureKind(containerd.ready(signal))).toBe('unavailable');
  });
});

describe('a supervised containerd', () => {
  it('outlives davitd, is adopted again, and is started again when it dies', async () => {
    await using dir = tempDir();
    await using node = await supervisedNode(dir.path);
    let uuid: string;
    {
      await using containerd = await node.startDavit();
      ({ uuid } = await containerd.ready(signal));
      expect(readChoice(dir.path)).toMatchObject({ kind: 'supervised', uuid });
    }
    const pid = node.pid();
    expect(isAlive(pid)).toBe(true);
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[5]).toBe(String(pid)); // session
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain('/davit-containerd');
    expect(inheritedFiles(pid)).toEqual([]);

    await using again = await node.startDavit();
    expect((await again.ready(signal)).uuid).toBe(uuid);
    expect(node.pid()).toBe(pid);

    const away = statusWhere(again, (status) => !status.ready);
    process.kill(pid, 'SIGKILL');
    expect((await away).message).toContain('davitd starts it again');
    expect((await again.ready(signal)).uuid).toBe(uuid);
    expect(node.pid()).not.toBe(pid);
    await again.clients.version.version({}, call);
  });

  it('is started again each time it dies, by the davitd that started it', async () => {
    await using dir = tempDir();
    await using node = await supervisedNode(dir.path);
    await using containerd = await node.startDavit();
    const { uuid } = await containerd.ready(signal);
    for (let death = 0; death < 3; death++) {
      const away = statusWhere(containerd, (status) => !status.ready);
      process.kill(node.pid(), 'SIGKILL');
      await away;
      expect((await containerd.ready(signal)).uuid).toBe(uuid);
    }
  });
});

interface SupervisedNode extends AsyncDisposable {
  startDavit(): Promise<Disposing>;
  pid(): number;
}

type Disposing = Containerd & AsyncDisposable;

/** A root directory that says that a supervised containerd holds pods, so that it is what `auto` chooses. */
async function supervisedNode(dir: string): Promise<SupervisedNode> {
  const paths = supervisedPaths(join(dir, 'root'), join(dir, 'state'));
  await mkdir(join(dir, 'root'));
  const record = { version: 1, kind: 'supervised', address: paths.address };
  writeFileSync(join(dir, 'root', 'containerd.json'), JSON.stringify(record));
  const pid = (): number => Number(readFileSync(paths.pidFile, 'utf8'));
  return {
    startDavit: () => startAt('auto', dir),
    pid,
    async [Symbol.asyncDispose]() {
      const last = pid();
      if (isAlive(last)) process.kill(last, 'SIGTERM');
      while (isAlive(last)) await delay(20);
      for (const tree of ['systemd', 'unified', '.']) removeCgroup(`/sys/fs/cgroup/${tree}/davit-containerd`);
    },
  };
}

function removeCgroup(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // not there, or another containerd lives in it
  }
}

async function startAt(address: string, dir: string, hasRecords = (): boolean => true): Promise<Disposing> {
  await mkdir(join(dir, 'root'), { recursive: true });
  const settings = { address, namespace: 'davit', waitMs: WAIT_MS, root: join(dir, 'root'), state: join(dir, 'state') };
  const containerd = createContainerd({ settings, logger: SILENT, hasRecords, instruments: NO_INSTRUMENTS });
  await containerd.start(signal);
  return Object.assign(containerd, { [Symbol.asyncDispose]: () => containerd.close() });
}

function readChoice(dir: string): unknown {
  return JSON.parse(readFileSync(join(dir, 'root', 'containerd.json'), 'utf8'));
}

async function statusWhere(
  containerd: Containerd,
  wanted: (status: ContainerdStatus) => boolean,
): Promise<ContainerdStatus> {
  if (wanted(containerd.status())) return containerd.status();
  return await new Promise((resolve) => {
    const unsubscribe = containerd.onChange((status) => {
      if (!wanted(status)) return;
      unsubscribe();
      resolve(status);
    });
  });
}

/** Open files above 2 that a process has in common with us: what it must not have been given. */
function inheritedFiles(pid: number): readonly string[] {
  const own = new Set(openFiles('self').map(([, target]) => target));
  return openFiles(pid)
    .filter(([fd]) => fd > 2)
    .map(([, target]) => target)
    .filter((target) => own.has(target) && !target.startsWith('anon_inode:'));
}

function openFiles(pid: number | 'self'): readonly (readonly [number, string])[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [[Number(fd), readlinkSync(`/proc/${pid}/fd/${fd}`)] as const];
    } catch {
      return []; // closed meanwhile
    }
  });
}

async function failureKind(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error instanceof Error && 'kind' in error ? error.kind : error;
  }
  return 'none';
}

function tempDir(): AsyncDisposable & { readonly path: string } {
  const path = mkdtempSync('/tmp/dv-s');
  return {
    path,
    [Symbol.asyncDispose]: () => {
      rmSync(path, { recursive: true, force: true, maxRetries: 5 });
      return Promise.resolve();
    },
  };
}

function nothing(): void {
  // the tests look at what happens
}

const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing };
