import { spawnSync } from 'node:child_process';
import { ErrnoError } from '../../../sys/libc.ts';
import { closeOpened, openFolderInRoot } from '../../../sys/openat2.ts';
import { EngineError } from '../../errors.ts';

export interface TreeCopy {
  /** A folder below the root. */
  readonly path: string;
  /** An existing, empty folder of the node. */
  readonly destination: string;
}

/** In every distribution, and the only one that knows all of owners, modes, times, links, devices, extended attributes. */
const PROGRAM = 'cp';

/**
 * Copies a folder below a root that nobody vouches for, with all that is in it and its own owner and mode; false when
 * there is none. No link is followed: not on the way to the folder, not in it. Throws invalid-argument for anything but
 * a folder. The program is the thread's child and so sees the mounts that the thread sees.
 */
export function copyTreeInRoot(rootFd: number, { path, destination }: TreeCopy, timeoutMs: number): boolean {
  const fd = open(rootFd, path);
  if (fd === undefined) return false;
  try {
    const { status, signal, error, stderr } = spawnSync(PROGRAM, ['-a', '--', '.', destination], {
      // Opened by the child itself, before it becomes another program: the descriptor closes with that.
      cwd: `/proc/self/fd/${fd}`,
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    if (status === 0) return true;
    const why = error?.message ?? stderr.trim().split('\n')[0] ?? '';
    throw new EngineError('internal', `copy the image's ${path}: ${PROGRAM} ended with ${signal ?? status}: ${why}`);
  } finally {
    closeOpened(fd);
  }
}

function open(rootFd: number, path: string): number | undefined {
  try {
    return openFolderInRoot(rootFd, path);
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    if (error.code === 'ENOENT') return undefined;
    throw new EngineError('invalid-argument', `the image's ${path} cannot be opened as a folder: ${error.code}`, {
      cause: error,
    });
  }
}
