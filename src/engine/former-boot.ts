import { readdir, readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseMountinfo } from '../sys/mountinfo.ts';

/**
 * Removes what a former boot of the node has left in the state folder, where that is not on a tmpfs: folders of pods,
 * FIFOs, journals, marks. Nothing of it can be alive. Sockets at its top are this boot's, and `keep` are folders of others.
 * Answers what it removed; nothing is when something is mounted there, which no former boot can have left.
 */
export async function removeFormerBoot(
  state: string,
  keep: readonly string[],
  readMounts: () => Promise<string> = () => readFile('/proc/self/mountinfo', 'utf8'),
): Promise<readonly string[]> {
  const folder = await realpath(state);
  const mounts = parseMountinfo(await readMounts());
  if (mounts.some(({ mountPoint }) => mountPoint.startsWith(`${folder}/`))) return [];
  const entries = await readdir(folder, { withFileTypes: true });
  const left = entries.filter((entry) => entry.isDirectory() && !keep.includes(entry.name)).map((entry) => entry.name);
  for (const name of left) await rm(join(folder, name), { recursive: true, force: true });
  return left;
}
