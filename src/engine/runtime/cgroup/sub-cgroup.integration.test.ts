import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hierarchyOf, readHostFacts } from '../../host/index.ts';
import type { CgroupLayout } from '../../host/index.ts';
import { createCgroupService } from './index.ts';
import type { CgroupService } from './index.ts';

const PARENT = '/davit-sub-cgroup-test';
const PATH = `${PARENT}/davit-exec-1`;

/** The node's own layout, and its cgroup2 tree alone, as nodes of version 2 have it. */
const LAYOUTS = ['own', 'v2'] as const;

let layout: CgroupLayout;
let service: CgroupService;
/** Where the one tree that is used has the parent. */
let dir: string;
let children: ChildProcess[];

async function prepare(which: (typeof LAYOUTS)[number]): Promise<void> {
  const own = (await readHostFacts()).cgroup;
  const unified = own.hierarchies.filter(({ version }) => version === 2);
  layout = which === 'own' ? own : { mode: 'v2', hierarchies: unified };
  service = createCgroupService({ layout, driver: 'cgroupfs' });
  dir = join((hierarchyOf(layout, 'freezer') ?? layout.hierarchies[0])?.mountPoint ?? '', PARENT);
  mkdirSync(dir);
  children = [];
}

afterEach(async () => {
  await service.killAll(PARENT, AbortSignal.timeout(10_000));
  await Promise.all(children.map(ended));
  await service.remove(PARENT);
});

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** A process in the parent cgroup; its pid. */
function start(script: string): number {
  const child = spawn('sh', ['-c', script], { stdio: 'ignore' });
  children.push(child);
  writeFileSync(join(dir, 'cgroup.procs'), String(child.pid));
  return child.pid ?? 0;
}

function procsOf(folder: string): readonly number[] {
  return readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
}

describe.each(LAYOUTS)('CgroupService.enter() and dissolve(), layout %s', (which) => {
  beforeEach(() => prepare(which));

  it('holds a process and its children apart from the others, in one tree', async () => {
    const other = start('exec sleep 1000');
    const pid = start('exec sleep 1000');
    await service.enter(PATH, pid);
    await service.enter(PATH, pid);
    expect(procsOf(join(dir, 'davit-exec-1'))).toEqual([pid]);
    expect(layout.hierarchies.filter(({ mountPoint }) => existsSync(join(mountPoint, PATH)))).toHaveLength(1);
    await service.killAll(PATH, AbortSignal.timeout(10_000));
    expect(await service.processes(PARENT)).toEqual([other]);
  });

  it('gives what lives back to the parent', async () => {
    const pid = start('exec sleep 1000');
    await service.enter(PATH, pid);
    await service.dissolve(PATH);
    expect(existsSync(join(dir, 'davit-exec-1'))).toBe(false);
    expect(procsOf(dir)).toEqual([pid]);
    await service.dissolve(PATH);
  });

  it('gives back what forks all the time', async () => {
    const pid = start('while :; do sleep 0.01 & sleep 0.01 & wait $!; done');
    await service.enter(PATH, pid);
    await service.dissolve(PATH);
    expect(existsSync(join(dir, 'davit-exec-1'))).toBe(false);
  });

  it('takes a process that has gone for moved', async () => {
    const pid = start('exit 0');
    await ended(children[0] as ChildProcess);
    await service.enter(PATH, pid);
    await service.dissolve(PATH);
    expect(existsSync(join(dir, 'davit-exec-1'))).toBe(false);
  });

  it('leaves a cgroup that was divided further to its container', async () => {
    const pid = start('exec sleep 1000');
    await service.enter(PATH, pid);
    mkdirSync(join(dir, 'davit-exec-1/inner'));
    await service.dissolve(PATH);
    expect(existsSync(join(dir, 'davit-exec-1/inner'))).toBe(true);
    rmdirSync(join(dir, 'davit-exec-1/inner'));
  });

  it('makes none where the container has none', async () => {
    const pid = start('exec sleep 1000');
    await expect(service.enter(`${PARENT}/gone/davit-exec-1`, pid)).rejects.toMatchObject({ code: 'ENOENT' });
    await service.dissolve(`${PARENT}/gone/davit-exec-1`);
  });
});
