import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError, kindOf } from '../../errors.ts';
import type { CgroupHierarchy, CgroupLayout } from '../../host/index.ts';
import { describeProcess } from './describe-process.ts';
import { livingProcesses } from './processes.ts';
import { codeOf, subtree } from './tree.ts';

const FIRST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 200;
/** Processes that an error names. */
const MOST_NAMED = 5;

/**
 * Sends SIGKILL to every process of the cgroup and below, until none is left alive. Throws when the signal aborts first:
 * deadline-exceeded if it is a timeout's. A cgroup that is not there is empty.
 */
export async function killAll(layout: CgroupLayout, path: string, signal: AbortSignal): Promise<void> {
  const dirs = cgroupDirs(layout, path);
  let living = await livingProcesses(dirs);
  for (let wait = FIRST_WAIT_MS; living.length > 0; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    if (living.includes(process.pid)) throw new EngineError('internal', `cgroup ${path} holds davit itself`);
    await killOnce(layout, path, living);
    await delay(wait, undefined, { signal }).catch(() => undefined); // whether it aborted is looked at below
    living = await livingProcesses(dirs);
    if (signal.aborted && living.length > 0) throw await survived(path, living, signal);
  }
}

/** The directories of one cgroup in all trees. */
export function cgroupDirs(layout: CgroupLayout, path: string): readonly string[] {
  return layout.hierarchies.map((hierarchy) => join(hierarchy.mountPoint, path));
}

/** cgroup.kill takes everyone at once; elsewhere the freezer holds them, lest they fork faster than they are killed. */
async function killOnce(layout: CgroupLayout, path: string, living: readonly number[]): Promise<void> {
  const [unified] = layout.hierarchies;
  if (layout.mode === 'v2' && unified !== undefined && (await write(unified, path, 'cgroup.kill', '1'))) return;
  const freezer = freezerOf(layout);
  const frozen = freezer !== undefined && (await write(freezer, path, 'freezer.state', 'FROZEN'));
  try {
    const now = frozen ? await livingProcesses(cgroupDirs(layout, path)) : living;
    for (const pid of now) kill(pid);
  } finally {
    if (frozen) await thawTree(freezer, path);
  }
}

/**
 * Lets what is frozen in the cgroup and below go on. Whoever is killed while it kills leaves that behind, and a runtime
 * takes a frozen container for a paused one, even where no process is left in it. A cgroup that is not there is fine.
 */
export async function thaw(layout: CgroupLayout, path: string): Promise<void> {
  const [unified] = layout.hierarchies;
  if (layout.mode === 'v2' && unified !== undefined) await write(unified, path, 'cgroup.freeze', '0');
  const freezer = freezerOf(layout);
  if (freezer !== undefined) await thawTree(freezer, path);
}

/** The freezer that is a controller; of version 2 it is part of every cgroup. */
function freezerOf({ hierarchies }: CgroupLayout): CgroupHierarchy | undefined {
  return hierarchies.find(({ version, controllers }) => version === 1 && controllers.includes('freezer'));
}

/** All below it, too: what somebody else has frozen would not get its signal. */
async function thawTree(freezer: CgroupHierarchy, path: string): Promise<void> {
  const top = join(freezer.mountPoint, path);
  for (const dir of await subtree(top)) {
    await write(freezer, join(path, relative(top, dir)), 'freezer.state', 'THAWED');
  }
}

/** False when the cgroup is not in this tree, or the kernel does not have the file. */
async function write(hierarchy: CgroupHierarchy, path: string, file: string, value: string): Promise<boolean> {
  try {
    await writeFile(join(hierarchy.mountPoint, path, file), value, { flag: 'r+' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENODEV') return false;
    throw error;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

async function survived(path: string, living: readonly number[], signal: AbortSignal): Promise<EngineError> {
  const named = await Promise.all(living.slice(0, MOST_NAMED).map((pid) => describeProcess(pid)));
  const kind = kindOf(signal.reason) === 'deadline-exceeded' ? 'deadline-exceeded' : 'cancelled';
  const message =
    `cgroup ${path}: ${living.length} processes live on after SIGKILL: ${named.join(', ')}; ` +
    'what is in state D waits in the kernel, most often for a disk or a network file system: see /proc/PID/stack';
  return new EngineError(kind, message, { cause: signal.reason });
}
