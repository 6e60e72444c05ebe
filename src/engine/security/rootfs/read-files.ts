import { fstatSync, readSync } from 'node:fs';
import { ErrnoError } from '../../../sys/libc.ts';
import { closeOpened, openInRoot } from '../../../sys/openat2.ts';
import { EngineError } from '../../errors.ts';

/**
 * Reads a file below a root that nobody vouches for; undefined when there is none. Throws invalid-argument for anything
 * but a regular file of at most `maxBytes`, before a byte of it is read.
 */
export function readFileInRoot(rootFd: number, path: string, maxBytes: number): Uint8Array | undefined {
  const fd = open(rootFd, path);
  if (fd === undefined) return undefined;
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw refused(path, 'is not a regular file');
    if (stats.size > maxBytes) throw tooLarge(path, maxBytes);
    return readAll(fd, path, stats.size, maxBytes);
  } finally {
    closeOpened(fd);
  }
}

function open(rootFd: number, path: string): number | undefined {
  try {
    return openInRoot(rootFd, path);
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw refused(path, `cannot be opened: ${error.code}`, error);
  }
}

/** The size is what the file says; one byte more shows whether that is true. */
function readAll(fd: number, path: string, size: number, maxBytes: number): Uint8Array {
  const content = Buffer.allocUnsafeSlow(size + 1);
  let length = 0;
  while (length < content.length) {
    const count = readSync(fd, content, length, content.length - length, null);
    if (count === 0) return content.subarray(0, length);
    length += count;
  }
  throw length > maxBytes ? tooLarge(path, maxBytes) : refused(path, 'changes while it is read');
}

function tooLarge(path: string, maxBytes: number): EngineError {
  return refused(path, `is larger than ${maxBytes} bytes`);
}

function refused(path: string, why: string, cause?: unknown): EngineError {
  return new EngineError('invalid-argument', `the image's ${path} ${why}`, { cause });
}
