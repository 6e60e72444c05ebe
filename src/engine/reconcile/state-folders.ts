import { lstat, readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { isWithin, parseMountinfo } from '../../sys/mountinfo.ts';
import type { MarkedThing } from './plan.ts';

/** A folder that is named after what it belongs to, and which service's it is. */
export interface FolderThing extends MarkedThing {
  readonly kind: 'folder' | 'namespace' | 'mount' | 'output';
  readonly path: string;
  readonly of: FolderOf;
}

/** Pods' namespaces and files; containers' volumes; FIFOs of containers' output; FIFOs of execs. */
export type FolderOf = 'sandboxes' | 'volumes' | 'io' | 'exec';

interface Place {
  readonly of: FolderOf;
  readonly dir: string;
}

/** An id, and what may follow it in the name of something that is its. */
const OWNED_NAME = /^([0-9a-f]{64})(\.[0-9a-f]+)?$/;
const NAMESPACE_FS = 'nsfs';

/**
 * All that is named after a container or sandbox under the state folder and the root folder, and what is mounted there:
 * the place is the mark. Names that are no ids are nobody's.
 */
export async function findFolders(state: string, root: string): Promise<readonly FolderThing[]> {
  const places: readonly Place[] = [
    { of: 'sandboxes', dir: join(state, 'sandboxes') },
    { of: 'volumes', dir: join(state, 'volumes') },
    { of: 'volumes', dir: join(root, 'volumes') },
    { of: 'io', dir: join(state, 'io') },
    { of: 'exec', dir: join(state, 'exec') },
  ];
  const mounts = parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'));
  const found: FolderThing[] = [];
  for (const place of places) {
    // The kernel shows paths without symlinks.
    const real = await realpath(place.dir).catch(() => undefined);
    if (real === undefined) continue;
    for (const name of await readdir(real)) {
      const folder = await folderThing({ ...place, dir: real }, name);
      if (folder === undefined) continue;
      found.push(folder);
      for (const { mountPoint, fsType } of mounts) {
        if (!isWithin(mountPoint, folder.path)) continue;
        found.push({ ...folder, kind: fsType === NAMESPACE_FS ? 'namespace' : 'mount', name: mountPoint });
      }
    }
  }
  return found;
}

async function folderThing({ of, dir }: Place, name: string): Promise<FolderThing | undefined> {
  const owner = OWNED_NAME.exec(name)?.[1];
  const path = join(dir, name);
  const stat = owner === undefined ? undefined : await lstat(path).catch(() => undefined); // removed meanwhile
  if (owner === undefined || stat === undefined) return undefined;
  return { kind: of === 'io' ? 'output' : 'folder', name: path, owner, madeAtMs: stat.mtimeMs, path, of };
}
