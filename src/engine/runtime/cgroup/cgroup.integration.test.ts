import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isKind, messageOf } from '../../errors.ts';
import { hierarchyOf, readHostFacts } from '../../host/index.ts';
import type { CgroupLayout } from '../../host/index.ts';
import { newSandboxId } from '../../ids.ts';
import { createCgroupService } from './index.ts';
import type { CgroupService } from './index.ts';
import { OWN_PARENT } from './paths.ts';

const id = newSandboxId();
const parent = `${OWN_PARENT}/${id}`;
const container = `${parent}/c1`;
let layout: CgroupLayout;
let service: CgroupService;
let children: ChildProcess[];

beforeEach(async () => {
  layout = (await readHostFacts()).cgroup;
  service = createCgroupService({ layout, driver: 'cgroupfs' });
  children = [];
  for (const dir of dirs(`${container}/nested`)) mkdirSync(dir, { recursive: true });
  inheritCpus();
});

afterEach(async () => {
  await service.killAll(parent, AbortSignal.timeout(10_000));
  await service.removePod(id, parent);
  for (const dir of dirs(OWN_PARENT)) if (existsSync(dir)) removeIfEmpty(dir);
});

function dirs(path: string): readonly string[] {
  return layout.hierarchies.map((hierarchy) => join(hierarchy.mountPoint, path));
}

/** Others' pods may be in it. */
function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EBUSY')) throw error;
  }
}

/** A v1 cpuset takes no process before it has been given CPUs. */
function inheritCpus(): void {
  const cpuset = hierarchyOf(layout, 'cpuset');
  if (cpuset?.version !== 1) return;
  for (const path of [OWN_PARENT, parent, container, `${container}/nested`]) {
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const dir = join(cpuset.mountPoint, path);
      writeFileSync(join(dir, file), readFileSync(join(dir, '..', file)));
    }
  }
}

/** Starts a shell that first moves into the cgroup, in every tree, and says so. */
async function startIn(path: string, script: string): Promise<ChildProcess> {
  const moves = dirs(path).map((dir) => `echo $$ > ${dir}/cgroup.procs`);
  const child = spawn('sh', ['-ec', [...moves, 'echo in', script].join('\n')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

/** Freezes a cgroup; call what it returns to thaw it. */
function freeze(path: string): () => void {
  const v1 = layout.hierarchies.find(({ version, controllers }) => version === 1 && controllers.includes('freezer'));
  const [file, on, off] = v1 === undefined ? ['cgroup.freeze', '1', '0'] : ['freezer.state', 'FROZEN', 'THAWED'];
  const target = join((v1 ?? layout.hierarchies[0])?.mountPoint ?? '', path, file);
  writeFileSync(target, on);
  return () => writeFileSync(target, off);
}

async function endOf(child: ChildProcess): Promise<NodeJS.Signals | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.signalCode;
}

/** States of a process' children, Z for a zombie. */
function childStates(pid: number | undefined): readonly (string | undefined)[] {
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').slice(0, -1);
  return pids.map((child) => readFileSync(`/proc/${child}/stat`, 'utf8').split(') ')[1]?.[0]);
}

describe('CgroupService.thaw()', () => {
  it('lets what is frozen go on, in the cgroup and below it, and minds none that is not there', async () => {
    const nested = `${container}/nested`;
    for (const path of [container, nested]) freeze(path);
    await service.thaw(container);
    const mountPoint = hierarchyOf(layout, 'freezer')?.mountPoint ?? '';
    const states = [container, nested].map((path) =>
      readFileSync(join(mountPoint, path, 'freezer.state'), 'utf8').trim(),
    );
    expect(states).toEqual(['THAWED', 'THAWED']);
    await service.thaw(`${parent}/none`);
  });
});

describe('CgroupService.killAll()', () => {
  it('kills everyone in the cgroup and below, and nobody else', async () => {
    const first = await startIn(container, 'trap "" TERM; exec sleep 1000');
    const nested = await startIn(`${container}/nested`, 'exec sleep 1000');
    const other = await startIn(parent, 'exec sleep 1000');
    expect(await service.isEmpty(container)).toBe(false);
    await service.killAll(container, AbortSignal.timeout(10_000));
    expect(await service.isEmpty(container)).toBe(true);
    expect(await endOf(first)).toBe('SIGKILL');
    expect(await endOf(nested)).toBe('SIGKILL');
    expect(await service.isEmpty(parent)).toBe(false);
    expect(other.exitCode).toBeNull();
  });

  it('kills what forks all the time', async () => {
    await startIn(container, 'while :; do sleep 0.01 & sleep 0.01 & wait $!; done');
    await service.killAll(container, AbortSignal.timeout(10_000));
    expect(await service.isEmpty(container)).toBe(true);
  });

  it('counts a zombie as dead', async () => {
    const child = await startIn(container, '(exit 0) & exec sleep 1000');
    await expect.poll(() => childStates(child.pid)).toEqual(['Z']);
    for (const dir of dirs('')) writeFileSync(join(dir, 'cgroup.procs'), String(child.pid));
    expect(await service.isEmpty(container)).toBe(true);
    process.kill(child.pid ?? 0, 'SIGKILL');
  });

  it('kills everyone at once where the kernel can', async () => {
    const unified = layout.hierarchies.filter(({ version }) => version === 2);
    const v2 = createCgroupService({ layout: { mode: 'v2', hierarchies: unified }, driver: 'cgroupfs' });
    const nested = await startIn(`${container}/nested`, 'while :; do sleep 0.01 & sleep 0.01 & wait $!; done');
    await v2.killAll(container, AbortSignal.timeout(10_000));
    expect(await v2.isEmpty(container)).toBe(true);
    expect(await endOf(nested)).toBe('SIGKILL');
  });

  it('kills what somebody has frozen, in the cgroup or below it', async () => {
    const frozen = await startIn(container, 'exec sleep 1000');
    const nested = await startIn(`${container}/nested`, 'exec sleep 1000');
    for (const path of [container, `${container}/nested`]) freeze(path);
    await service.killAll(container, AbortSignal.timeout(10_000));
    expect(await endOf(frozen)).toBe('SIGKILL');
    expect(await endOf(nested)).toBe('SIGKILL');
  });

  it('names what does not die, and where the kernel has it', async () => {
    const child = await startIn(container, 'exec sleep 1000');
    const thaw = freeze(parent); // not ours to thaw: it may hold others
    try {
      const outcome = await service.killAll(container, AbortSignal.timeout(1_000)).catch(messageOf);
      // Version 2 kills what is frozen, whoever froze it.
      const held = new RegExp(`SIGKILL: ${child.pid} \\((sh|sleep), state D, in`);
      expect(outcome === undefined ? layout.mode : outcome).toMatch(outcome === undefined ? /v2/ : held);
    } finally {
      thaw();
    }
    expect(await endOf(child)).toBe('SIGKILL');
  });

  it('has nothing to do where there is no cgroup', async () => {
    await service.killAll(`${parent}/none`, AbortSignal.timeout(10_000));
    expect(await service.isEmpty(`${parent}/none`)).toBe(true);
  });
});

describe('CgroupService.remove()', () => {
  it('removes the cgroup and all below it from every tree, also a second time', async () => {
    await service.remove(container);
    expect(dirs(container).filter((dir) => existsSync(dir))).toEqual([]);
    expect(dirs(parent).filter((dir) => !existsSync(dir))).toEqual([]);
    await service.remove(container);
  });

  it('does not remove what has processes, and says which', async () => {
    const child = await startIn(container, 'exec sleep 1000');
    const removal = service.remove(container);
    await expect(removal).rejects.toThrow(`processes ${child.pid} live in it`);
    await expect(removal).rejects.toSatisfy((error) => isKind(error, 'failed-precondition'));
  });
});

describe('CgroupService.removePod()', () => {
  it('removes the parent that davit made', async () => {
    await service.removePod(id, parent);
    expect(dirs(parent).filter((dir) => existsSync(dir))).toEqual([]);
  });

  it("removes nothing but the pause process' cgroup from a parent of others", async () => {
    const pause = service.containerPath(container, id);
    for (const dir of dirs(pause)) mkdirSync(dir);
    await service.removePod(id, container);
    expect(dirs(pause).filter((dir) => existsSync(dir))).toEqual([]);
    expect(dirs(container).filter((dir) => !existsSync(dir))).toEqual([]);
  });
});

describe('CgroupService.oomKillCount()', () => {
  it('counts those killed in the cgroup and below, and is 0 where there is none', async () => {
    expect(await service.oomKillCount(container)).toBe(0);
    const memory = hierarchyOf(layout, 'memory');
    const limit = memory?.version === 2 ? 'memory.max' : 'memory.limit_in_bytes';
    writeFileSync(join(memory?.mountPoint ?? '', container, limit), String(16 * 1024 * 1024));
    const child = await startIn(`${container}/nested`, 'exec tail /dev/zero');
    expect(await endOf(child)).toBe('SIGKILL');
    expect(await service.oomKillCount(container)).toBeGreaterThan(0);
    expect(await service.oomKillCount(`${parent}/none`)).toBe(0);
  });
});
