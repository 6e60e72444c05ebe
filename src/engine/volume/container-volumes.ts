import { mkdir, readdir, rm, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, withContext } from '../errors.ts';
import type { ContainerId } from '../ids.ts';

/** One mount(2) of an image's files; see the service that makes it. */
export type ImageMountStep =
  | { readonly kind: 'bind'; readonly source: string }
  | {
      readonly kind: 'filesystem';
      readonly type: string;
      readonly source: string;
      readonly data: string;
      readonly from: string;
    };

/** What mounts images: the namespace service fits. */
export interface ImageMounts {
  mountImage(order: {
    readonly mounts: readonly ImageMountStep[];
    readonly base: string;
    readonly userNamespace?: string;
    readonly part?: { readonly subPath: string; readonly target: string };
  }): Promise<void>;
  unmount(target: string): Promise<void>;
}

/** A snapshot's mounts, as what copies from it takes them. */
export interface SnapshotMount {
  readonly type: string;
  readonly source: string;
  readonly target?: string;
  readonly options: readonly string[];
}

/** What copies folders out of a root that nobody vouches for, and makes folders in it: the reader of roots fits. */
export interface RootTrees {
  copyTrees(
    mounts: readonly SnapshotMount[],
    copies: readonly { readonly path: string; readonly destination: string }[],
    signal: AbortSignal,
  ): Promise<void>;
  makeFolders(mounts: readonly SnapshotMount[], order: FolderOrder, signal: AbortSignal): Promise<void>;
}

/** Folders to be made in a root; `shift`: how far its image's ids are shown shifted. */
export interface FolderOrder {
  readonly paths: readonly string[];
  readonly shift?: number;
}

export interface ContainerVolumesDeps {
  /** The daemon's root folder: volumes that an image declares last as long as their container. */
  readonly root: string;
  /** The daemon's state folder: mounts end with the node. */
  readonly state: string;
  readonly trees: RootTrees;
  readonly mounts: ImageMounts;
}

/** A volume that an image declares: where it is in the container, and its folder on the node. */
export interface DeclaredVolume {
  readonly containerPath: string;
  readonly source: string;
}

export interface ImageVolume {
  readonly mounts: readonly ImageMountStep[];
  readonly subPath?: string;
  /** Path of the pod's pinned user namespace: the files' owners are shifted by its map. */
  readonly userNamespace?: string;
}

/** Volumes that come and go with one container. */
export interface ContainerVolumes {
  /**
   * Makes a folder for each path, with what the container's root has there: contents, owner, mode. Nothing of the root
   * leads out of it. Throws invalid-argument for a path at which the root has something else than a folder.
   */
  declare(
    id: ContainerId,
    root: readonly SnapshotMount[],
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly DeclaredVolume[]>;
  /** Makes the paths folders of the container's root itself, with the root user as their owner; they go with the root. */
  makeFolders(root: readonly SnapshotMount[], order: FolderOrder, signal: AbortSignal): Promise<void>;
  /** Mounts an image, or a part of it, and returns where: a path without symlinks. `index` tells one from another. */
  mountImage(id: ContainerId, index: number, image: ImageVolume): Promise<string>;
  /** Removes all that was made for the container; one that has nothing is success. Goes on after a crash half-way. */
  remove(id: ContainerId): Promise<void>;
}

const FOLDER = 'volumes';
/** Others than root must not walk in: the volumes have the modes that their images want. */
const PRIVATE_MODE = 0o700;
/** Of a volume where the image has nothing. */
const VOLUME_MODE = 0o755;
const WHOLE = 'image';
const PART = 'part';

export function createContainerVolumes(deps: ContainerVolumesDeps): ContainerVolumes {
  return new Volumes(deps);
}

class Volumes implements ContainerVolumes {
  readonly #deps: ContainerVolumesDeps;

  constructor(deps: ContainerVolumesDeps) {
    this.#deps = deps;
  }

  async declare(
    id: ContainerId,
    root: readonly SnapshotMount[],
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly DeclaredVolume[]> {
    if (paths.length === 0) return [];
    const dir = join(this.#deps.root, FOLDER, id);
    const volumes = paths.map((containerPath, index) => ({ containerPath, source: join(dir, String(index)) }));
    try {
      await mkdir(dir, { recursive: true, mode: PRIVATE_MODE });
      for (const { source } of volumes) await mkdir(source, { mode: VOLUME_MODE });
    } catch (error) {
      throw withContext(error, `make the volumes of container ${id}`);
    }
    const copies = volumes.map(({ containerPath: path, source: destination }) => ({ path, destination }));
    await this.#deps.trees.copyTrees(root, copies, signal);
    return volumes;
  }

  async makeFolders(root: readonly SnapshotMount[], order: FolderOrder, signal: AbortSignal): Promise<void> {
    await this.#deps.trees.makeFolders(root, order, signal);
  }

  async mountImage(id: ContainerId, index: number, { subPath, ...image }: ImageVolume): Promise<string> {
    const dir = join(this.#deps.state, FOLDER, id, String(index));
    const base = join(dir, WHOLE);
    await mkdir(base, { recursive: true, mode: PRIVATE_MODE });
    if (subPath === undefined) {
      await this.#deps.mounts.mountImage({ ...image, base });
      return base;
    }
    const target = join(dir, PART);
    await this.#deps.mounts.mountImage({ ...image, base, part: { subPath, target } });
    return target;
  }

  async remove(id: ContainerId): Promise<void> {
    const dir = join(this.#deps.state, FOLDER, id);
    for (const index of await namesIn(dir)) {
      for (const name of [PART, WHOLE]) await this.#removeMount(join(dir, index, name));
      await ifThere(rmdir(join(dir, index)));
    }
    await ifThere(rmdir(dir));
    await rm(join(this.#deps.root, FOLDER, id), { recursive: true, force: true });
  }

  /** Only what is empty is removed: should a mount still be there, nothing of it is touched. */
  async #removeMount(path: string): Promise<void> {
    await this.#deps.mounts.unmount(path);
    try {
      await ifThere(rmdir(path));
    } catch (error) {
      if (codeOf(error) !== 'ENOTDIR') throw new EngineError('internal', `remove ${path}`, { cause: error });
      await ifThere(unlink(path));
    }
  }
}

async function namesIn(dir: string): Promise<readonly string[]> {
  return (await ifThere(readdir(dir))) ?? [];
}

async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
