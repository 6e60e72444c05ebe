import type { Service } from '../../lifecycle.ts';
import type { TreeCopy } from './copy-tree.ts';
import type { FolderOrder } from './make-folders.ts';
import type { RootfsMount } from './root-mounts.ts';

/** Contents by the path asked for; undefined where the root has no such file. */
export type RootFiles = ReadonlyMap<string, Buffer | undefined>;

/**
 * Reads single files of a root file system that nobody vouches for, as a process inside would see them. No symlink leads
 * out of it, nothing of it is mounted where others see it, and no program or device of it is touched.
 */
export interface RootfsReader extends Service {
  /**
   * Reads small files (10 MiB at most) by absolute paths. `mounts` are a snapshot's; they are mounted read-only beside
   * whoever uses them. Throws invalid-argument for a file that is too large or not a regular one, and for a root in which
   * a runtime cannot mount /dev, /proc or /sys; unimplemented for mounts that cannot be made here.
   */
  readFiles(mounts: readonly RootfsMount[], paths: readonly string[], signal: AbortSignal): Promise<RootFiles>;
  /**
   * Copies folders of the root, with owners, modes and links as they are, into empty folders of the node. A folder that
   * is not there is no error and leaves its destination empty. Throws invalid-argument for what is no folder.
   */
  copyTrees(mounts: readonly RootfsMount[], copies: readonly TreeCopy[], signal: AbortSignal): Promise<void>;
  /**
   * Makes folders in a root that no container uses yet; those that are there stay as they are. Throws invalid-argument
   * for a path at which something else is.
   */
  makeFolders(mounts: readonly RootfsMount[], order: FolderOrder, signal: AbortSignal): Promise<void>;
}
