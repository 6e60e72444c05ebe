import { describe, expect, it } from 'vitest';
import { mountOf, parseMountInfo } from './mountinfo.ts';

const MOUNTS = parseMountInfo(`22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
50 27 254:1 /sub /data\\040one rw,relatime shared:7 master:2 - xfs /dev/vdb rw
51 27 0:50 / /data rw - tmpfs tmpfs rw
52 27 0:51 / /data rw - ramfs ramfs rw

garbage`);

describe('parseMountInfo()', () => {
  it('reads the optional fields and unescapes paths', () => {
    expect(MOUNTS).toHaveLength(5);
    expect(MOUNTS[2]).toEqual({
      mountPoint: '/data one',
      root: '/sub',
      fsType: 'xfs',
      superOptions: ['rw'],
      shared: true,
      slave: true,
    });
  });
});

describe('mountOf()', () => {
  it('finds the deepest mount that holds the path', () => {
    expect(mountOf(MOUNTS, '/data one/x')?.fsType).toBe('xfs');
    expect(mountOf(MOUNTS, '/database')?.fsType).toBe('ext4');
    expect(mountOf(MOUNTS, '/proc')?.fsType).toBe('proc');
  });

  it('finds the later of two mounts on one point', () => {
    expect(mountOf(MOUNTS, '/data/x')?.fsType).toBe('ramfs');
  });
});
