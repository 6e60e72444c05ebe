import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { parseProcessFacts } from './family.ts';
import type { ProcessFacts } from './family.ts';

/** Undefined when there is no such process (any more). */
export async function readProcessFacts(pid: number): Promise<ProcessFacts | undefined> {
  const [stat, limits] = await Promise.all([readProc(pid, 'stat'), readProc(pid, 'limits')]);
  return stat === undefined || limits === undefined ? undefined : parseProcessFacts(pid, stat, limits);
}

/** The same for one process, at once. */
export function readProcessFactsNow(pid: number): ProcessFacts | undefined {
  const stat = readProcNow(pid, 'stat');
  const limits = readProcNow(pid, 'limits');
  return stat === undefined || limits === undefined ? undefined : parseProcessFacts(pid, stat, limits);
}

/** Whether the process lives in the cgroup or below it, in any tree. */
export function livesInCgroup(pid: number, cgroup: string): boolean {
  const text = readProcNow(pid, 'cgroup') ?? '';
  return text.split('\n').some((line) => {
    const path = line.split(':').slice(2).join(':');
    return path === cgroup || path.startsWith(`${cgroup}/`);
  });
}

/** A file of /proc/<pid>; undefined when the process is gone. */
export async function readProc(pid: number, name: string): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${name}`, 'utf8');
  } catch (error) {
    return undefinedIfGone(error);
  }
}

/** The same at once, for one process that somebody waits for: it takes a fraction of what the thread pool's detours do. */
export function readProcNow(pid: number, name: 'limits' | 'stat' | 'cgroup'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch (error) {
    return undefinedIfGone(error);
  }
}

function undefinedIfGone(error: unknown): undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ESRCH') return undefined;
  throw error;
}
