import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the kernel shows its groups of caches and memory bandwidth, once somebody has mounted it. */
export const RESCTRL = '/sys/fs/resctrl';

/** Folders of the kernel's own beside the groups. */
const NOT_GROUPS = new Set(['info', 'mon_groups', 'mon_data']);

/** The groups that there are, by name; undefined where the kernel has none, or nobody has mounted them. */
export async function rdtGroups(root: string = RESCTRL): Promise<readonly string[] | undefined> {
  if (!(await isThere(join(root, 'schemata')))) return undefined;
  const names = (await readdir(root)).filter((name) => !NOT_GROUPS.has(name)).sort();
  const groups = await Promise.all(names.map((name) => isThere(join(root, name, 'schemata'))));
  return names.filter((_name, index) => groups[index]);
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
