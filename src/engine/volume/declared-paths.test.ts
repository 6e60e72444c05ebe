import { describe, expect, it } from 'vitest';
import { declaredPaths } from './declared-paths.ts';

describe('declaredPaths()', () => {
  it('CVE-2022-23648: takes paths as the container means them', () => {
    expect(declaredPaths(['/data/', 'relative', '/../../../etc', '/a/./b/../c'], [])).toEqual([
      '/data',
      '/relative',
      '/etc',
      '/a/c',
    ]);
  });

  it('takes each once, none that the request mounts, and none that every container has', () => {
    const volumes = ['/data', '/data/', '/db', '/', '', '/proc', '/proc/sys', '/sys/fs/cgroup', '/dev/shm', '/x\0y'];
    expect(declaredPaths(volumes, ['/db/'])).toEqual(['/data']);
  });
});
