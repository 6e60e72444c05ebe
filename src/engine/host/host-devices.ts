import type { Stats } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';

/** A device node of the host and where a container sees it. */
export interface HostDevice {
  readonly path: string;
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  /** Permission bits alone. */
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Folders of /dev that a container has of its own, and links into processes. */
const NOT_THE_HOSTS = new Set(['pts', 'shm', 'mqueue', 'fd', '.udev', '.lxc', '.lxd-mounts']);
/** A container's console is its terminal. */
const CONSOLE = '/dev/console';
const MAX_DEPTH = 16;

/** Every device below /dev, for a privileged container. */
export async function allHostDevices(): Promise<readonly HostDevice[]> {
  const found = await devicesBelow('/dev', '/dev', 0);
  return found.filter((device) => device.path !== CONSOLE);
}

/**
 * The device at `hostPath`, or all devices below it if it is a folder, as `containerPath` shows them. A link is followed.
 * Throws not-found when there is nothing, failed-precondition when there is something else.
 */
export async function devicesAt(hostPath: string, containerPath: string): Promise<readonly HostDevice[]> {
  const stats = await stat(hostPath).catch((error: unknown) => {
    throw new EngineError('not-found', `device ${hostPath} cannot be read on the host`, { cause: error });
  });
  if (stats.isDirectory()) return await devicesBelow(hostPath, containerPath, 0);
  const device = deviceOf(stats, containerPath);
  if (device === undefined) throw new EngineError('failed-precondition', `${hostPath} is not a device`);
  return [device];
}

async function devicesBelow(hostDir: string, containerDir: string, depth: number): Promise<readonly HostDevice[]> {
  if (depth > MAX_DEPTH) return [];
  const found: HostDevice[] = [];
  for (const name of (await readdir(hostDir)).sort()) {
    if (NOT_THE_HOSTS.has(name)) continue;
    // A device may vanish between the listing and here.
    const stats = await lstat(join(hostDir, name)).catch(() => undefined);
    if (stats === undefined) continue;
    const containerPath = join(containerDir, name);
    if (stats.isDirectory()) found.push(...(await devicesBelow(join(hostDir, name), containerPath, depth + 1)));
    const device = deviceOf(stats, containerPath);
    if (device !== undefined) found.push(device);
  }
  return found;
}

function deviceOf(stats: Stats, path: string): HostDevice | undefined {
  const type = stats.isCharacterDevice() ? 'c' : stats.isBlockDevice() ? 'b' : undefined;
  if (type === undefined) return undefined;
  return {
    path,
    type,
    ...deviceNumbers(BigInt(stats.rdev)),
    fileMode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
  };
}

/** glibc's layout of dev_t: major and minor interleave, so that 12+20 bits stay compatible with 8+8. */
export function deviceNumbers(rdev: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  };
}
