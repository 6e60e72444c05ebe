import { rmdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../../errors.ts';
import type { CgroupLayout } from '../../host/index.ts';
import { cgroupDirs } from './kill.ts';
import { livingProcesses } from './processes.ts';
import { codeOf, subtree } from './tree.ts';

/** A cgroup stays busy for a moment after its last process has ended. */
const BUSY_DEADLINE_MS = 5_000;
const FIRST_WAIT_MS = 5;

/** Removes a cgroup and all below it from every tree; one that is not there is success. Throws while processes live in it. */
export async function removeCgroup(layout: CgroupLayout, path: string): Promise<void> {
  if (path === '' || path === '/') throw new EngineError('internal', 'the root cgroup cannot be removed');
  for (const dir of cgroupDirs(layout, path)) {
    for (const cgroup of await subtree(dir)) await removeOne(cgroup);
  }
}

async function removeOne(dir: string): Promise<void> {
  let waited = 0;
  for (let wait = FIRST_WAIT_MS; !(await tryRmdir(dir)); wait *= 2) {
    const living = waited > 0 ? await livingProcesses([dir]) : [];
    if (living.length > 0 || waited > BUSY_DEADLINE_MS) {
      const why =
        living.length > 0 ? `processes ${living.slice(0, 10).join(', ')} live in it` : 'the kernel keeps it busy';
      throw new EngineError('failed-precondition', `cgroup ${dir} cannot be removed: ${why}`);
    }
    await delay(wait);
    waited += wait;
  }
}

/** False when it is in use. */
async function tryRmdir(dir: string): Promise<boolean> {
  try {
    await rmdir(dir);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return true;
    if (code === 'EBUSY' || code === 'ENOTEMPTY') return false;
    throw error;
  }
}
