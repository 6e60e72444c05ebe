import { readFileSync } from 'node:fs';

/** What the kernel says of a process' first thread, which is where a pump's loop runs. */
export interface LoopSample {
  /** As ps shows it: R, S, D, T (stopped by a signal), t (by a debugger), … */
  readonly state: string;
  /** Processor time that it has used. */
  readonly cpuMs: number;
  /** Where in the kernel it waits; '' where it does not, or the kernel does not say. */
  readonly waitsIn: string;
}

/** Of the times in /proc, on every architecture. */
const CLOCK_TICK_MS = 10;

/** The process that a pump's lock file names; undefined where it names none. It may have ended. */
export function lockHolder(lockPath: string): number | undefined {
  const pid = Number(read(lockPath));
  return pid > 1 ? pid : undefined;
}

/** Undefined for a process that has ended. */
export function sampleLoop(pid: number): LoopSample | undefined {
  const stat = read(`/proc/${pid}/task/${pid}/stat`);
  // `pid (name) state …`, where the name may hold anything, parentheses too.
  const [state = '', ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (stat === '' || state === 'Z' || state === 'X') return undefined;
  const [user, system] = [rest[10], rest[11]].map(Number);
  const waitsIn = read(`/proc/${pid}/wchan`).trim();
  return { state, cpuMs: ((user ?? 0) + (system ?? 0)) * CLOCK_TICK_MS, waitsIn: waitsIn === '0' ? '' : waitsIn };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended, or was never there
  }
}
