import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseWildcard } from '../../../wildcard.ts';
import { deviceNumbers } from '../../host/index.ts';

export interface BlockDevice {
  readonly major: number;
  readonly minor: number;
}

/** `notices`: patterns that nothing came of, and why. */
export interface BlockDevices {
  readonly devices: readonly BlockDevice[];
  readonly notices: readonly string[];
}

/** The disks that paths and patterns stand for right now, links followed. The kernel limits whole disks, never a part of one. */
export async function blockDevices(patterns: readonly string[]): Promise<BlockDevices> {
  const found = new Map<string, BlockDevice>();
  const notices: string[] = [];
  for (const pattern of patterns) {
    const disks = (await Promise.all((await matches(pattern)).map(diskAt))).flat();
    for (const disk of disks) found.set(`${disk.major}:${disk.minor}`, disk);
    if (disks.length === 0) notices.push(`${pattern} is no disk of this node`);
  }
  return { devices: [...found.values()], notices };
}

/** Existing paths that a pattern matches; one without wildcards is itself. */
async function matches(pattern: string): Promise<readonly string[]> {
  let paths: readonly string[] = ['/'];
  for (const part of pattern.split('/').filter((part) => part !== '')) {
    paths = /[*?[\\]/.test(part) ? await expanded(paths, part) : paths.map((path) => join(path, part));
  }
  return paths;
}

async function expanded(folders: readonly string[], pattern: string): Promise<readonly string[]> {
  const wildcard = parseWildcard(pattern);
  const listed = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(folder).catch(() => []); // no folder
      return names.filter((name) => wildcard?.matches(name) === true).map((name) => join(folder, name));
    }),
  );
  return listed.flat();
}

async function diskAt(path: string): Promise<readonly BlockDevice[]> {
  const stats = await realpath(path).then(stat, () => undefined);
  if (stats?.isBlockDevice() !== true) return [];
  const { major, minor } = deviceNumbers(BigInt(stats.rdev));
  return (await isPartition(major, minor)) ? [] : [{ major, minor }];
}

async function isPartition(major: number, minor: number): Promise<boolean> {
  return await stat(`/sys/dev/block/${major}:${minor}/partition`).then(
    () => true,
    () => false,
  );
}
