import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineError } from '../errors.ts';
import { newContainerId } from '../ids.ts';
import { containerRecord, sandboxRecord } from '../store/test-records.ts';
import type { ContainerRecord, SandboxRecord } from '../store/index.ts';
import { createStatsService } from './stats-service.ts';
import type { StatsDeps, StatsService } from './stats-service.ts';

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const RUNNING = { phase: 'running', startedAt: 1n, pid: process.pid } as const;

let tree: string;
let sandboxes: SandboxRecord[];
let containers: ContainerRecord[];
let service: StatsService | undefined;

/** A folder stands for the one tree of cgroup v2; a network namespace is that of the test itself. */
beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), 'davit-stats-'));
  sandboxes = [];
  containers = [];
});

afterEach(async () => {
  await service?.close();
  await rm(tree, { recursive: true });
});

function create(overrides: Partial<StatsDeps> = {}): StatsService {
  service = createStatsService({
    layout: { mode: 'v2', hierarchies: [{ version: 2, mountPoint: tree, controllers: ['cpu', 'memory', 'pids'] }] },
    hugepageSizes: [],
    logger: SILENT,
    sandboxes: { list: () => sandboxes, get: (id) => sandboxes.find((each) => each.id === id) },
    containers: { list: () => containers, get: (id) => containers.find((each) => each.id === id) },
    layerUsage: () => Promise.resolve({ bytes: 12_288, inodes: 3 }),
    snapshotterFolder: () => Promise.resolve(tree),
    ...overrides,
  });
  return service;
}

async function cgroup(path: string, usageUsec: number, memory = 4096): Promise<void> {
  await mkdir(join(tree, path), { recursive: true });
  const files = {
    'cpu.stat': `usage_usec ${usageUsec}\nuser_usec 0\nsystem_usec 0\n`,
    'memory.current': `${memory}\n`,
    'memory.stat': 'anon 1024\ninactive_file 1000\n',
    'memory.max': '8192\n',
    'cgroup.procs': `${process.pid}\n`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(tree, path, name), text);
}

async function aPod(count: number, namespaces = {}): Promise<SandboxRecord> {
  const base = sandboxRecord({ namespaces });
  const sandbox = { ...base, cgroupParent: `/pods/${base.id}` };
  sandboxes.push(sandbox);
  const added: ContainerRecord[] = [];
  for (let n = 0; n < count; n++) {
    const id = newContainerId();
    const cgroupPath = `${sandbox.cgroupParent}/${id}`;
    added.push(containerRecord({ id, sandboxId: sandbox.id, state: RUNNING, cgroupPath }));
    await cgroup(cgroupPath, 5);
  }
  await cgroup(sandbox.cgroupParent, 70, 10_000);
  containers = [...containers, ...added];
  return sandbox;
}

describe('StatsService.containers()', () => {
  it('samples one that has just started', async () => {
    await aPod(1);
    const [stats] = await create().containers(containers);
    expect(stats).toMatchObject({
      container: containers[0],
      processes: 1,
      usage: {
        cpu: { usageNanos: 5000 },
        memory: { usageBytes: 4096, workingSetBytes: 3096, limitBytes: 8192, rssBytes: 1024 },
      },
      writableLayer: { usedBytes: 12_288, inodesUsed: 3, filesystem: { mountpoint: tree } },
    });
    expect(stats?.usage).not.toHaveProperty('nanoCores');
    expect(stats?.usage?.timestamp).toBeGreaterThan(0n);
    const openFiles = (await readdir('/proc/self/fd')).length;
    expect(stats?.details?.fileDescriptors).toBeGreaterThan(openFiles / 2);
  });

  it('gives the same object until there is another sample', async () => {
    await aPod(1);
    const stats = create();
    const [first] = await stats.containers(containers);
    await cgroup(containers[0]?.cgroupPath ?? '', 99);
    expect((await stats.containers(containers))[0]).toBe(first);
  });

  it('shows limits that have changed at once', async () => {
    await aPod(1);
    const stats = create();
    const [first] = await stats.containers(containers);
    containers = containers.map((container) => ({ ...container, resources: { cpuShares: 2 } }));
    const [second] = await stats.containers(containers);
    expect(second?.container.resources).toEqual({ cpuShares: 2 });
    expect(second?.usage).toBe(first?.usage);
  });

  it('counts processes of the cgroups below', async () => {
    await aPod(1);
    await cgroup(`${containers[0]?.cgroupPath}/nested/deeper`, 1);
    await writeFile(join(tree, containers[0]?.cgroupPath ?? '', 'nested', 'cgroup.procs'), '');
    expect((await create().containers(containers))[0]?.processes).toBe(2);
  });

  it('knows whose one is that does not run, and no more', async () => {
    const exited = containerRecord({ state: { phase: 'created' } });
    const [stats] = await create().containers([exited]);
    expect(stats).toEqual({ container: exited, cgroupPath: exited.cgroupPath });
  });

  it('is not held up by a root whose usage is never told, nor asks for it again', async () => {
    await aPod(1);
    let asked = 0;
    const stats = create({
      layerUsage: () => {
        asked += 1;
        return new Promise(() => undefined);
      },
    });
    await stats.containers(containers);
    const [second] = await stats.containers(containers);
    expect(second?.usage?.cpu?.usageNanos).toBe(5000);
    expect(second).not.toHaveProperty('writableLayer');
    expect(asked).toBe(1);
  });

  it('gives the first sample to all who ask for it at once', async () => {
    await aPod(1);
    const stats = create();
    const answers = await Promise.all([stats.containers(containers), stats.containers(containers)]);
    expect(answers.map(([each]) => each?.usage?.cpu?.usageNanos)).toEqual([5000, 5000]);
  });

  it('does without what containerd cannot tell', async () => {
    await aPod(1);
    const stats = create({ layerUsage: () => Promise.reject(new EngineError('unavailable', 'away')) });
    const [first] = await stats.containers(containers);
    expect(first?.usage?.memory?.usageBytes).toBe(4096);
    expect(first).not.toHaveProperty('writableLayer');
  });

  it('has no usage of a cgroup that is gone', async () => {
    await aPod(1);
    await rm(join(tree, containers[0]?.cgroupPath ?? ''), { recursive: true });
    const [stats] = await create().containers(containers);
    expect(stats).not.toHaveProperty('usage');
  });
});

describe('StatsService.sandboxes()', () => {
  it("reads a pod's own cgroup, with its containers inside", async () => {
    const sandbox = await aPod(2);
    await aPod(1);
    const [stats, ...rest] = await create().sandboxes([sandbox]);
    expect(rest).toEqual([]);
    expect(stats?.sandbox).toBe(sandbox);
    expect(stats?.usage).toMatchObject({ cpu: { usageNanos: 70_000 }, memory: { usageBytes: 10_000 } });
    expect(stats?.containers.map(({ container }) => container.id)).toEqual([containers[0]?.id, containers[1]?.id]);
    expect(stats?.processes).toBe(2);
    expect(stats).not.toHaveProperty('network');
  });

  it('adds up containers where the cgroup is not the pod’s alone', async () => {
    const sandbox = { ...(await aPod(2)), cgroupParent: '/shared' };
    sandboxes = [sandbox];
    const [stats] = await create().sandboxes([sandbox]);
    expect(stats?.usage).toMatchObject({ cpu: { usageNanos: 10_000 }, memory: { usageBytes: 8192, rssBytes: 2048 } });
  });

  it('has a pod without containers in it', async () => {
    const sandbox = await aPod(0);
    const [stats] = await create().sandboxes([sandbox]);
    expect(stats).toMatchObject({ sandbox, processes: 0, containers: [] });
  });

  it("reads the network through a process of the pod's, if it is there in truth", async () => {
    const own = '/proc/self/ns/net';
    const sandbox = await aPod(1, { network: own });
    expect((await create().sandboxes([sandbox]))[0]?.network?.timestamp).toBeGreaterThan(0n);
    await service?.close();
    const other = join(tree, 'other-namespace');
    await symlink('/proc/self/ns/uts', other);
    sandboxes = [{ ...sandbox, namespaces: { network: other } }];
    expect((await create().sandboxes(sandboxes))[0]).not.toHaveProperty('network');
  });

  it('gives the same object until there is another sample', async () => {
    const sandbox = await aPod(2);
    const stats = create();
    const [first] = await stats.sandboxes([sandbox]);
    expect((await stats.sandboxes([sandbox]))[0]).toBe(first);
  });
});

describe('StatsService.start()', () => {
  it('samples in the background, before anyone asks', async () => {
    await aPod(1);
    const { promise: asked, resolve } = Promise.withResolvers<string>();
    const stats = create({
      layerUsage: (key) => {
        resolve(key);
        return Promise.resolve({ bytes: 1, inodes: 1 });
      },
    });
    await stats.start(new AbortController().signal);
    expect(await asked).toBe(containers[0]?.snapshotKey);
  });

  it('samples the others beside one whose cgroup hangs', async () => {
    await aPod(3);
    const [hanging, ...others] = containers;
    const fifo = join(tree, hanging?.cgroupPath ?? '', 'cpu.stat');
    await rm(fifo);
    execFileSync('mkfifo', [fifo]);
    const stats = create();
    await stats.start(new AbortController().signal);
    const shown = await stats.containers(containers);
    // Whoever opens the FIFO for reading waits for a writer.
    const writer = await open(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    await writer.write('usage_usec 1\n');
    await writer.close();
    expect(shown.map(({ usage }) => usage?.cpu?.usageNanos)).toEqual([undefined, ...others.map(() => 5000)]);
  });
});
