import koffi from 'koffi';
import { ErrnoError, libc } from './libc.ts';

const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const OFFSET_BYTES = 8;
const UINT32_VALUES = 0x1_0000_0000;

/** Not an amount: the pipe is empty now and somebody has it open for writing. */
export const WOULD_BLOCK = -1;

const spliceFn = libc.func('int64_t splice(int, void*, int, void*, size_t, unsigned int)') as (
  from: number,
  fromOffset: null,
  to: number,
  toOffset: Buffer,
  length: number,
  flags: number,
) => number | bigint;

const { EAGAIN, EINTR } = koffi.os.errno;

/**
 * Moves up to `length` bytes from a pipe into a file at `offset` without a copy through this process, so that a byte leaves
 * the pipe only as it lands in the file. Returns how many, 0 when the pipe is empty and has no writer, or WOULD_BLOCK.
 */
export function splice(pipe: number, file: number, offset: number, length: number): number {
  const offsetAt = Buffer.allocUnsafe(OFFSET_BYTES);
  offsetAt.writeUInt32LE(offset % UINT32_VALUES, 0);
  offsetAt.writeUInt32LE(Math.floor(offset / UINT32_VALUES), OFFSET_BYTES / 2);
  for (;;) {
    const moved = Number(spliceFn(pipe, null, file, offsetAt, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
    if (moved >= 0) return moved;
    const errno = koffi.errno();
    if (errno === EAGAIN) return WOULD_BLOCK;
    if (errno !== EINTR) throw new ErrnoError('splice', errno);
  }
}
