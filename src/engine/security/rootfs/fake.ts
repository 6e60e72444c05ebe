import type { TreeCopy } from './copy-tree.ts';
import type { FolderOrder } from './make-folders.ts';
import type { RootFiles, RootfsReader } from './rootfs-reader.ts';

/** The same files in every root. */
export class FakeRootfsReader implements RootfsReader {
  readonly name = 'rootfs';
  readonly copies: TreeCopy[] = [];
  readonly folders: FolderOrder[] = [];
  readonly files = new Map<string, string>();

  async start(): Promise<void> {}

  async close(): Promise<void> {}

  async copyTrees(_mounts: unknown, copies: readonly TreeCopy[]): Promise<void> {
    this.copies.push(...copies);
  }

  async makeFolders(_mounts: unknown, order: FolderOrder): Promise<void> {
    this.folders.push(order);
  }

  async readFiles(_mounts: unknown, paths: readonly string[]): Promise<RootFiles> {
    return new Map(
      paths.map((path) => {
        const content = this.files.get(path);
        return [path, content === undefined ? undefined : Buffer.from(content)];
      }),
    );
  }
}
