import { readdirSync } from 'node:fs';
import { setCloseOnExec } from './fcntl.ts';

const STDERR_FD = 2;

/**
 * Marks every descriptor above 2 close-on-exec, those too that this process was itself given by whoever started it:
 * a program that outlives davitd must not keep a stranger's pipe open.
 */
export function closeAllOnExec(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    if (fd > STDERR_FD) setCloseOnExec(fd);
  }
}
