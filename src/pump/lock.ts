import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs';
import { tryLock } from '../sys/flock.ts';

const LOCK_MODE = 0o600;

/**
 * Takes the lock that only one pump of a state folder has, and writes the pid into it. The kernel gives it back when this
 * process ends, however that comes. Undefined if another pump has it.
 */
export function takeLock(path: string): Disposable | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, LOCK_MODE);
  if (!tryLock(fd)) {
    closeSync(fd);
    return undefined;
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`, 0);
  return { [Symbol.dispose]: () => closeSync(fd) };
}
