import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** Whether the process exists and has not ended: one that only waits to be reaped has. */
export function isAlive(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  // The state follows the program's name, which is in parentheses and may hold anything.
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  return stat !== '' && state !== 'Z' && state !== 'X';
}

/** Pid of the process of our PID namespace that runs `program` and has `args` among its arguments, next to each other. */
export function findProcess(program: string, args: readonly string[]): number | undefined {
  const wanted = args.join('\0');
  const namespace = link('/proc/self/ns/pid');
  return readdirSync('/proc')
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .find((pid) => {
      if (!`${read(`/proc/${pid}/cmdline`)}\0`.includes(`\0${wanted}\0`)) return false;
      return runs(pid, program) && link(`/proc/${pid}/ns/pid`) === namespace && isAlive(pid);
    });
}

/** The program's file may have been replaced since by an update. */
function runs(pid: number, program: string): boolean {
  return basename(link(`/proc/${pid}/exe`) ?? '').replace(/ \(deleted\)$/, '') === program;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
