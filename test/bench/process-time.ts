import { readFile } from 'node:fs/promises';

/** /proc counts in hundredths of a second, whatever the kernel's own ticks are. */
const MS_PER_TICK = 10;
/** utime and stime, counted from behind the name, which may hold anything. */
const UTIME = 11;
const STIME = 12;

/** The processor time that a process has used so far, all of its threads together. */
export async function cpuMs(pid: number): Promise<number> {
  return cpuMsOf(await readFile(`/proc/${pid}/stat`, 'utf8'));
}

/** Of the text of /proc/PID/stat. */
export function cpuMsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME]) + Number(fields[STIME])) * MS_PER_TICK;
}
