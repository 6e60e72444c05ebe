import koffi from 'koffi';
import { ErrnoError, libc } from './libc.ts';

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

const { EOPNOTSUPP, ENOSYS } = koffi.os.errno;

const fallocate = libc.func('int fallocate64(int, int, int64_t, int64_t)') as (
  fd: number,
  mode: number,
  offset: number,
  length: number,
) => number;

/** Gives the file's pages in [offset, offset + length) back; its size stays. False where the file system cannot. */
export function punchHole(fd: number, offset: number, length: number): boolean {
  if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) === 0) return true;
  const errno = koffi.errno();
  if (errno === EOPNOTSUPP || errno === ENOSYS) return false;
  throw new ErrnoError('fallocate', errno);
}
