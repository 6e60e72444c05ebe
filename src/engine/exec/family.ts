import { softLocksIn } from './process-spec.ts';

/** What the kernel tells of a process that says where it comes from. */
export interface ProcessFacts {
  readonly pid: number;
  readonly ppid: number;
  readonly session: number;
  /** In clock ticks since boot: together with the pid it names a process for ever. */
  readonly startTime: bigint;
  readonly softLocks: bigint | undefined;
}

/** The exec's own process as it was seen right after its start. */
export interface ExecRoot {
  readonly pid: number;
  readonly startTime: bigint;
}

/**
 * Those of `processes` that came of an exec: whoever carries its mark, the process itself, its session (an exec leads one
 * of its own), and all descendants of these.
 */
export function execFamily(
  processes: readonly ProcessFacts[],
  mark: bigint,
  root: ExecRoot | undefined,
): readonly number[] {
  const family = new Set(processes.filter((process) => isMember(process, mark, root)).map(({ pid }) => pid));
  for (let before = -1; before !== family.size;) {
    before = family.size;
    for (const { pid, ppid } of processes) if (family.has(ppid)) family.add(pid);
  }
  return [...family];
}

/** Reads the facts off the texts of /proc/<pid>/stat and /proc/<pid>/limits. */
export function parseProcessFacts(pid: number, stat: string, limits: string): ProcessFacts {
  // The name, in parentheses, may hold anything; after it come state, ppid, pgrp, session, …
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    ppid: Number(fields[1]),
    session: Number(fields[3]),
    startTime: BigInt(fields[19] ?? 0),
    softLocks: softLocksIn(limits),
  };
}

function isMember({ pid, session, startTime, softLocks }: ProcessFacts, mark: bigint, root?: ExecRoot): boolean {
  if (softLocks === mark) return true;
  if (root === undefined) return false;
  if (pid === root.pid) return startTime === root.startTime;
  return session === root.pid && startTime >= root.startTime;
}
