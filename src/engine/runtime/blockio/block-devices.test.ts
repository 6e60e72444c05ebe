import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { blockDevices } from './block-devices.ts';

/** A disk of this machine. */
function aDisk(): string {
  const disk = readdirSync('/sys/block').find((name) => existsSync(`/dev/${name}`));
  if (disk === undefined) throw new Error('this machine has no disk in /dev');
  return disk;
}

describe('blockDevices()', () => {
  it('finds a disk by its path and by a pattern, once', async () => {
    const disk = aDisk();
    const [major, minor] = readFileSync(`/sys/block/${disk}/dev`, 'utf8').split(':').map(Number);
    const patterns = [`/dev/${disk}`, `/dev/[${disk[0]}]${disk.slice(1)}`];
    expect(await blockDevices(patterns)).toEqual({ devices: [{ major, minor }], notices: [] });
  });

  it('tells what is no disk: nothing, a device of characters, a folder', async () => {
    const patterns = ['/dev/davit-none', '/dev/davit-none*/x', '/dev/null', '/dev/pts'];
    expect(await blockDevices(patterns)).toEqual({
      devices: [],
      notices: patterns.map((pattern) => `${pattern} is no disk of this node`),
    });
  });
});
