import { chmodSync, chownSync, mkdirSync, readlinkSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ErrnoError } from '../../../sys/libc.ts';
import { closeOpened, openFolderInRoot } from '../../../sys/openat2.ts';
import { EngineError, messageOf } from '../../errors.ts';

export interface FolderOrder {
  /** Absolute, without `..`; folders of the root. */
  readonly paths: readonly string[];
  /** Of a root whose image is shown with its ids shifted: how far. What is written to such a root has the ids of the node. */
  readonly shift?: number;
}

const MODE = 0o755;

/**
 * Makes folders below a root that nobody vouches for, owned by its root user; those that are there stay as they are. No
 * link leads out of it. Throws invalid-argument for a path at which something else is. The root is the caller's alone.
 */
export function makeFoldersInRoot(rootFd: number, { paths, shift = 0 }: FolderOrder): void {
  const root = readlinkSync(fdPath(rootFd));
  const made = new Set<string>();
  for (const path of paths) makeFolder(rootFd, path, made);
  if (shift === 0) return;
  // To make a folder in an overlay is to copy all that it lies in, with the owners that the image's files have unshifted.
  for (const folder of withParents(made, root)) {
    const { uid, gid } = statSync(folder);
    chownSync(folder, uid + shift, gid + shift);
  }
}

function makeFolder(rootFd: number, path: string, made: Set<string>): void {
  let at = '.';
  for (const part of path.split('/').filter((name) => name !== '')) {
    const next = join(at, part);
    if (!isFolder(rootFd, next, path)) made.add(makeIn(rootFd, at, part, path));
    at = next;
  }
}

function isFolder(rootFd: number, at: string, path: string): boolean {
  try {
    closeOpened(openFolderInRoot(rootFd, at));
    return true;
  } catch (error) {
    if (error instanceof ErrnoError && error.code === 'ENOENT') return false;
    throw failed(path, error);
  }
}

/** Returns where it is on the node. */
function makeIn(rootFd: number, parent: string, name: string, path: string): string {
  const fd = openFolderInRoot(rootFd, parent);
  try {
    const folder = join(readlinkSync(fdPath(fd)), name);
    mkdirSync(folder, { mode: MODE });
    chmodSync(folder, MODE);
    return folder;
  } catch (error) {
    throw failed(path, error);
  } finally {
    closeOpened(fd);
  }
}

function withParents(folders: ReadonlySet<string>, root: string): ReadonlySet<string> {
  const all = new Set<string>();
  for (const folder of folders) {
    for (let at = folder; at !== root && at !== '/'; at = dirname(at)) all.add(at);
  }
  return all;
}

function fdPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

function failed(path: string, error: unknown): EngineError {
  return new EngineError('invalid-argument', `the image's ${path} cannot be made a folder: ${messageOf(error)}`, {
    cause: error,
  });
}
