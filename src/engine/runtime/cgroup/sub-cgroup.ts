import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../../errors.ts';
import type { CgroupHierarchy, CgroupLayout } from '../../host/index.ts';
import { codeOf, readCgroupFile, subtree } from './tree.ts';

/**
 * A cgroup below a container's that holds some of its processes, so that they can be told from the others and killed at
 * once. It limits and counts nothing. Where every controller has a tree of its own, one tree is enough: the freezer's
 * first, for what is frozen cannot fork while it is killed; the kubelet's statistics do not look into it either.
 */
const TREES = ['freezer', 'pids', 'name=systemd'];

const MOVE_ROUNDS = 10;
const FIRST_WAIT_MS = 1;

/** Moves a process into the cgroup, which is made if its parent is there. A process that is gone is success. */
export async function enterSubCgroup(layout: CgroupLayout, path: string, pid: number): Promise<void> {
  const dir = join(treeOf(layout).mountPoint, path);
  try {
    await mkdir(dir);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  await moveInto(dir, pid);
}

/**
 * Moves what lives in the cgroup up to its parent and removes it; one that is not there is success. What made cgroups of
 * its own below keeps it: it then goes with the container's.
 */
export async function dissolveSubCgroup(layout: CgroupLayout, path: string): Promise<void> {
  const dir = join(treeOf(layout).mountPoint, path);
  for (let round = 0, wait = FIRST_WAIT_MS; round < MOVE_ROUNDS; round++, wait *= 2) {
    const procs = await readCgroupFile(dir, 'cgroup.procs');
    if (procs === undefined) return;
    // 0 stands for a process that our PID namespace does not see.
    const pids = procs.split('\n').map(Number);
    for (const pid of pids.filter((each) => each > 0)) await moveInto(dirname(dir), pid);
    const code = await rmdir(dir).then(() => 'ENOENT', codeOf);
    if (code === 'ENOENT' || (await subtree(dir)).length > 1) return;
    if (code !== 'EBUSY') throw new EngineError('internal', `cgroup ${dir} cannot be removed: ${code}`);
    await delay(wait);
  }
  throw new EngineError('failed-precondition', `cgroup ${dir} cannot be removed: the kernel keeps it busy`);
}

function treeOf(layout: CgroupLayout): CgroupHierarchy {
  const names = layout.mode === 'v2' ? [] : TREES;
  const tree =
    names
      .map((name) => layout.hierarchies.find(({ version, controllers }) => version === 1 && controllers.includes(name)))
      .find((found) => found !== undefined) ?? layout.hierarchies[0];
  if (tree === undefined) throw new EngineError('failed-precondition', 'no cgroup tree is mounted on this node');
  return tree;
}

async function moveInto(dir: string, pid: number): Promise<void> {
  try {
    await writeFile(join(dir, 'cgroup.procs'), String(pid), { flag: 'r+' });
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}
