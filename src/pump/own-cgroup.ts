import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMountinfo } from '../sys/mountinfo.ts';
import { messageOf } from './pump-error.ts';
import type { PumpLog } from './pump-log.ts';

/** The pump's cgroup, at the top of every tree. */
export const CGROUP_NAME = 'davit-pump';

export interface OwnCgroup {
  /** Moves back to the top and removes the cgroup, unless another pump is in it. */
  leave(): void;
}

/** What systemd leaves for those who ask whether it runs the machine. */
const SYSTEMD_MARK = '/run/systemd/system';
const CGROUP_ROOT = '/sys/fs/cgroup';

/**
 * Moves this process out of the cgroup of whoever started it, so that neither its limits nor its end take the pump with
 * them. Under systemd a unit of its own does that. What cannot be done is told and does not matter more.
 */
export function moveToOwnCgroup(log: PumpLog): OwnCgroup {
  if (existsSync(SYSTEMD_MARK)) {
    if (!readFileSync('/proc/self/cgroup', 'utf8').includes(CGROUP_NAME)) {
      log.warn('runs in the unit of whoever started it; unless that has KillMode=process, they end together');
    }
    return { leave: () => undefined };
  }
  const trees = cgroupTrees(readFileSync('/proc/self/mountinfo', 'utf8'));
  for (const tree of trees) attempt(log, tree, () => enter(tree, join(tree, CGROUP_NAME)));
  return { leave: () => trees.forEach((tree) => leave(tree)) };
}

/** Where cgroup trees are mounted that this process sees from their top: cgroup2's, and every one of version 1. */
export function cgroupTrees(mountinfo: string): readonly string[] {
  const trees = parseMountinfo(mountinfo).filter(
    ({ fsType, root, mountPoint }) =>
      (fsType === 'cgroup' || fsType === 'cgroup2') && root === '/' && `${mountPoint}/`.startsWith(`${CGROUP_ROOT}/`),
  );
  return [...new Set(trees.map(({ mountPoint }) => mountPoint))];
}

function enter(tree: string, cgroup: string): void {
  mkdirSync(cgroup, { recursive: true });
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    // Version 1's cpuset takes no process before it has these; other trees have no such file, version 2's may stay empty.
    if (existsSync(join(tree, file))) writeFileSync(join(cgroup, file), readFileSync(join(tree, file)));
  }
  writeFileSync(join(cgroup, 'cgroup.procs'), String(process.pid));
}

function leave(tree: string): void {
  try {
    writeFileSync(join(tree, 'cgroup.procs'), String(process.pid));
    rmdirSync(join(tree, CGROUP_NAME));
  } catch {
    // another pump is in it, or it was never made
  }
}

function attempt(log: PumpLog, tree: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    log.warn('has no cgroup of its own here', { tree, problem: messageOf(error) });
  }
}
