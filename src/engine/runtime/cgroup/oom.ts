import { join } from 'node:path';
import { hierarchyOf } from '../../host/index.ts';
import type { CgroupLayout } from '../../host/index.ts';
import { keyedNumber, readCgroupFile, subtree } from './tree.ts';

/**
 * How many processes of the cgroup and below the kernel has killed for want of memory. v2 counts for the whole subtree,
 * v1 for each cgroup by itself. 0 when the cgroup is gone, with its counter.
 */
export async function oomKillCount(layout: CgroupLayout, path: string): Promise<number> {
  const memory = hierarchyOf(layout, 'memory');
  if (memory === undefined) return 0;
  const dir = join(memory.mountPoint, path);
  if (memory.version === 2) return keyedNumber(await readCgroupFile(dir, 'memory.events'), 'oom_kill');
  let count = 0;
  for (const cgroup of await subtree(dir)) {
    count += keyedNumber(await readCgroupFile(cgroup, 'memory.oom_control'), 'oom_kill');
  }
  return count;
}
