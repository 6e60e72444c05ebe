import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError, kindOf } from '../../errors.ts';
import type { CgroupHierarchy, CgroupLayout } from '../../host/index.ts';
import { livingProcesses } from './processes.ts';
import { codeOf } from './tree.ts';

const FIRST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 200;

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
    if (signal.aborted && living.length > 0) throw survived(path, living, signal);
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
  const freezer = layout.hierarchies.find(({ controllers }) => controllers.includes('freezer'));
  const frozen = freezer?.version === 1 && (await write(freezer, path, 'freezer.state', 'FROZEN'));
  try {
    const now = frozen ? await livingProcesses(cgroupDirs(layout, path)) : living;
    for (const pid of now) kill(pid);
  } finally {
    if (frozen) await write(freezer, path, 'freezer.state', 'THAWED');
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

function survived(path: string, living: readonly number[], signal: AbortSignal): EngineError {
  const pids = living.slice(0, 10).join(', ');
  const kind = kindOf(signal.reason) === 'deadline-exceeded' ? 'deadline-exceeded' : 'cancelled';
  const message = `cgroup ${path}: ${living.length} processes live on after SIGKILL (${pids}); see /proc/PID/stack of one`;
  return new EngineError(kind, message, { cause: signal.reason });
}
