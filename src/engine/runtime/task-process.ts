import { readFileSync } from 'node:fs';

/**
 * Whether a task's first process still runs. Its cgroup carries the task's id, so that another process with the same pid,
 * later, is not taken for it; one that only waits to be reaped has ended.
 */
export function isTaskAlive(pid: number, taskId: string, proc = '/proc'): boolean {
  try {
    const stat = readFileSync(`${proc}/${pid}/stat`, 'utf8');
    // The state follows the program's name, which is in parentheses and may hold anything.
    const state = stat.charAt(stat.lastIndexOf(')') + 2);
    return state !== 'Z' && state !== 'X' && readFileSync(`${proc}/${pid}/cgroup`, 'utf8').includes(taskId);
  } catch {
    return false; // there is no such process
  }
}
