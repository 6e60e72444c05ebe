import type { RootfsMount } from './root-mounts.ts';
import type { RootFiles, RootfsReader } from './rootfs-reader.ts';

/** An image's root that has just been made: nobody has written to it. */
export interface FreshRoot {
  /** Names the content: the chain id of the image's topmost layer. */
  readonly chainId: string;
  readonly snapshotter: string;
  readonly mounts: readonly RootfsMount[];
}

/** Reads that are remembered; the longest unused goes first. */
const MAX_READS = 256;
/** Files that are larger in sum are read each time. */
const MAX_READ_BYTES = 64 * 1024;

/**
 * Reads files of images, as RootfsReader does, once for each image: an unpacked layer never changes. A read that fails is
 * not remembered.
 */
export class ImageFiles {
  readonly #reader: Pick<RootfsReader, 'readFiles'>;
  readonly #reads = new Map<string, RootFiles>();

  constructor(reader: Pick<RootfsReader, 'readFiles'>) {
    this.#reader = reader;
  }

  async read(root: FreshRoot, paths: readonly string[], signal: AbortSignal): Promise<RootFiles> {
    const key = JSON.stringify([root.snapshotter, root.chainId, ...paths]);
    const known = this.#reads.get(key);
    if (known !== undefined) return this.#remember(key, known);
    const files = await this.#reader.readFiles(root.mounts, paths, signal);
    return bytesOf(files) > MAX_READ_BYTES ? files : this.#remember(key, files);
  }

  #remember(key: string, files: RootFiles): RootFiles {
    this.#reads.delete(key);
    this.#reads.set(key, files);
    const [oldest] = this.#reads.keys();
    if (this.#reads.size > MAX_READS && oldest !== undefined) this.#reads.delete(oldest);
    return files;
  }
}

function bytesOf(files: RootFiles): number {
  return [...files.values()].reduce((sum, content) => sum + (content?.length ?? 0), 0);
}
