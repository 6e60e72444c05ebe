import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The cgroup and those below it, children before their parents; empty when there is none. */
export async function subtree(dir: string): Promise<readonly string[]> {
  const entries = await ifThere(readdir(dir, { withFileTypes: true }));
  if (entries === undefined) return [];
  const below: string[] = [];
  for (const entry of entries) if (entry.isDirectory()) below.push(...(await subtree(join(dir, entry.name))));
  return [...below, dir];
}

/** A file of a cgroup; undefined when the cgroup, or that file in it, is gone or not for this kind of cgroup. */
export async function readCgroupFile(dir: string, name: string): Promise<string | undefined> {
  return await ifThere(readFile(join(dir, name), 'utf8'));
}

/** The number behind a key in a file of `key number` lines. */
export function keyedNumber(text: string | undefined, key: string): number {
  const line = text?.split('\n').find((candidate) => candidate.startsWith(`${key} `));
  return line === undefined ? 0 : Number(line.slice(key.length + 1));
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** ENODEV: the cgroup went while its file was open. EOPNOTSUPP: a threaded cgroup, whose domain lists the processes. */
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ENODEV', 'EOPNOTSUPP']);

async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (GONE.has(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}
