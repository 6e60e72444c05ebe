import { fstatSync } from 'node:fs';
import { ErrnoError } from '../../../sys/libc.ts';
import { closeOpened, openLinkInRoot } from '../../../sys/openat2.ts';
import { EngineError } from '../../errors.ts';

/** Where every OCI runtime mounts, and in the first of which it makes devices. */
const MOUNT_POINTS = ['/dev', '/proc', '/sys'];

/**
 * Throws invalid-argument unless these are folders, or not there. A runtime that mounts on a link works on what it leads
 * to, which may be a volume of the node by then (CVE-2021-30465).
 */
export function checkMountPoints(rootFd: number): void {
  for (const path of MOUNT_POINTS) {
    const fd = open(rootFd, path);
    if (fd === undefined) continue;
    try {
      if (!fstatSync(fd).isDirectory())
        throw new EngineError(
          'invalid-argument',
          `the image's ${path} is not a folder, so that nothing can be mounted on it`,
        );
    } finally {
      closeOpened(fd);
    }
  }
}

function open(rootFd: number, path: string): number | undefined {
  try {
    return openLinkInRoot(rootFd, path);
  } catch (error) {
    if (error instanceof ErrnoError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
