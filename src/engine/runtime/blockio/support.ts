import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hierarchyOf } from '../../host/index.ts';
import type { CgroupLayout } from '../../host/index.ts';

/** What the kernel can do about disk I/O of cgroups. */
export interface BlockioSupport {
  /** An I/O scheduler, or a cost model, goes by weights. */
  readonly hasWeights: boolean;
}

/** Undefined where no cgroup can limit disk I/O. */
export async function blockioSupport(layout: CgroupLayout): Promise<BlockioSupport | undefined> {
  const tree = hierarchyOf(layout, layout.mode === 'v2' ? 'io' : 'blkio');
  if (tree === undefined) return undefined;
  const names = await files(tree.mountPoint);
  if (tree.version === 1) return { hasWeights: v1HasWeights(names) };
  const below = await Promise.all(names.map((name) => files(join(tree.mountPoint, name))));
  return { hasWeights: v2HasWeights(below) };
}

/** BFQ shows its statistics in the root, and its weight everywhere else; schedulers before it showed weights in both. */
export function v1HasWeights(root: readonly string[]): boolean {
  return root.some((name) => name === 'blkio.weight' || name.startsWith('blkio.bfq.'));
}

/** The root has no weights. Where nobody below has the controller yet, the runtime is left to try. */
export function v2HasWeights(groups: readonly (readonly string[])[]): boolean {
  const controlled = groups.filter((names) => names.includes('io.max'));
  if (controlled.length === 0) return true;
  return controlled.some((names) => names.includes('io.weight') || names.includes('io.bfq.weight'));
}

async function files(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => []); // a file of the kernel's, not a folder
}
