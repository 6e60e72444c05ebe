import { stat, statfs } from 'node:fs/promises';
import type { BlockDevices } from './block-devices.ts';
import type { Filesystem } from './stats-types.ts';

/** The file system that a folder is on; undefined when the folder cannot be looked at. */
export async function readFilesystem(mountpoint: string, devices: BlockDevices): Promise<Filesystem | undefined> {
  try {
    const { dev } = await stat(mountpoint, { bigint: true });
    const { blocks, bsize, files, ffree } = await statfs(mountpoint);
    return {
      mountpoint,
      device: devices.nameOf(...numbersOf(dev)) ?? '',
      totalBytes: blocks * bsize,
      totalInodes: files,
      freeInodes: ffree,
    };
  } catch {
    return undefined; // capacity is an extra: usage is shown without it
  }
}

/** Of a device's number as the C library packs it: low bits of both in front of the high bits of both. */
export function numbersOf(dev: bigint): readonly [major: number, minor: number] {
  const major = ((dev & 0xfff00n) >> 8n) | ((dev & 0xfffff00000000000n) >> 32n);
  const minor = (dev & 0xffn) | ((dev & 0xffffff00000n) >> 12n);
  return [Number(major), Number(minor)];
}
