import { lstatSync } from 'node:fs';
import koffi from 'koffi';
import { check, ErrnoError, libc } from './libc.ts';

const FIONREAD = 0x541b;
const INT_BYTES = 4;

const { EEXIST } = koffi.os.errno;

const mkfifo = libc.func('int mkfifo(const char*, unsigned int)') as (path: string, mode: number) => number;
const ioctl = libc.func('int ioctl(int, unsigned long, void*)') as (fd: number, request: number, at: Buffer) => number;

/** Makes a FIFO; one that is there already will do, anything else at `path` is EEXIST. */
export function makeFifo(path: string, mode: number): void {
  if (mkfifo(path, mode) === 0) return;
  const errno = koffi.errno();
  if (errno === EEXIST && lstatSync(path).isFIFO()) return;
  throw new ErrnoError('mkfifo', errno, path);
}

/** How many bytes a pipe holds that nobody has read. */
export function unreadBytes(fd: number): number {
  const count = Buffer.alloc(INT_BYTES);
  check(ioctl(fd, FIONREAD, count), 'ioctl', 'FIONREAD');
  return count.readInt32LE(0);
}
