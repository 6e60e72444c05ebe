import koffi from 'koffi';
import { ErrnoError, libc } from './libc.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

const { EAGAIN } = koffi.os.errno;

const flock = libc.func('int flock(int, int)') as (fd: number, operation: number) => number;

/** Takes the file's lock, which the kernel gives back when the descriptor closes, however that comes; false if another has it. */
export function tryLock(fd: number): boolean {
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  const errno = koffi.errno();
  if (errno === EAGAIN) return false;
  throw new ErrnoError('flock', errno);
}
