import { readFile } from 'node:fs/promises';
import { codeOf, readCgroupFile, subtree } from './tree.ts';

/** Processes that live in the cgroups at `dirs` and below. Zombies are dead: only their parent can make them go. */
export async function livingProcesses(dirs: readonly string[]): Promise<readonly number[]> {
  const pids = new Set<number>();
  for (const dir of dirs) {
    for (const cgroup of await subtree(dir)) {
      const text = (await readCgroupFile(cgroup, 'cgroup.procs')) ?? '';
      for (const line of text.split('\n')) {
        // 0 stands for a process that our PID namespace does not see.
        if (Number(line) > 0) pids.add(Number(line));
      }
    }
  }
  const living: number[] = [];
  for (const pid of pids) if (await isAlive(pid)) living.push(pid);
  return living;
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    return !isDeadState(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}

/** `pid (name) state …`, where the name may hold anything, parentheses too. */
function isDeadState(stat: string): boolean {
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  return state === 'Z' || state === 'X';
}
