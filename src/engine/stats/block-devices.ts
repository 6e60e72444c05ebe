import { readKernelFile } from './read-kernel-file.ts';

const DISKSTATS = '/proc/diskstats';

/** Names of block devices, as /dev has them. */
export class BlockDevices {
  #names: ReadonlyMap<string, string> = new Map();

  /** `/dev/sda` of major and minor; undefined for what is no block device. From memory. */
  nameOf(major: number, minor: number): string | undefined {
    return this.#names.get(`${major}:${minor}`);
  }

  async refresh(): Promise<void> {
    this.#names = parseDiskstats((await readKernelFile(DISKSTATS)) ?? '');
  }
}

export function parseDiskstats(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  return new Map(
    lines.flatMap(([major, minor, name]) => (name === undefined ? [] : [[`${major}:${minor}`, `/dev/${name}`]])),
  );
}
