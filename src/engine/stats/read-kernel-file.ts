import { close, closeSync, open, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';

const openFile = promisify(open);
const readFd = promisify(read);
const closeFd = promisify(close);

/** Most files fit; longer ones take another read. */
const BUFFER_BYTES = 4096;
/** The kernel fills a page per read and stops before a line that does not fit: a read far below a page was the last. */
const SURELY_LAST_BYTES = 2048;

/**
 * The text of a file of /proc or a cgroup; undefined when it is gone or the kernel does not have it. Three calls where
 * readFile() makes five: that is what a sample costs.
 */
export async function readKernelFile(path: string): Promise<string | undefined> {
  try {
    const fd = await openFile(path, 'r');
    try {
      return await readAll(fd);
    } finally {
      await closeFd(fd);
    }
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** The same for a file that the kernel answers from a few numbers it has at hand: a twentieth of the cost, on this thread. */
export function readKernelCounter(path: string): string | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
      return buffer.toString('utf8', 0, readSync(fd, buffer, 0, BUFFER_BYTES, null));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** ENODEV: a cgroup that went while its file was open. EOPNOTSUPP: kept off. ESRCH: a process that ended. */
export function isAbsence(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && ABSENCES.has(code);
}

const ABSENCES = new Set(['ENOENT', 'ENOTDIR', 'ENODEV', 'EOPNOTSUPP', 'ENOTSUP', 'ESRCH', 'EINVAL']);

async function readAll(fd: number): Promise<string> {
  const parts: Buffer[] = [];
  for (;;) {
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    const { bytesRead } = await readFd(fd, buffer, 0, BUFFER_BYTES, null);
    parts.push(buffer.subarray(0, bytesRead));
    if (bytesRead < SURELY_LAST_BYTES) return Buffer.concat(parts).toString('utf8');
  }
}
