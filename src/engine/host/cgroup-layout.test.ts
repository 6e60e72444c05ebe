import { describe, expect, it } from 'vitest';
import { cgroupLayout, hierarchyOf } from './cgroup-layout.ts';
import { parseMountInfo } from './mountinfo.ts';

const ROOT = '27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw';

const UNIFIED = parseMountInfo(`${ROOT}
30 27 0:27 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate`);

const HYBRID = parseMountInfo(`${ROOT}
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
36 31 0:32 / /sys/fs/cgroup/memory2 rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,release_agent=/lib/agent,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw`);

describe('cgroupLayout()', () => {
  it('takes a cgroup2 file system at the root for v2', () => {
    const layout = cgroupLayout(UNIFIED, () => ['cpu', 'memory']);
    expect(layout).toEqual({
      mode: 'v2',
      hierarchies: [{ version: 2, mountPoint: '/sys/fs/cgroup', controllers: ['cpu', 'memory'] }],
    });
  });

  it('takes trees by controller with a cgroup2 tree beside them for hybrid', () => {
    const layout = cgroupLayout(HYBRID, () => ['hugetlb']);
    expect(layout.mode).toBe('hybrid');
    expect(layout.hierarchies.map((hierarchy) => [hierarchy.mountPoint, hierarchy.controllers])).toEqual([
      ['/sys/fs/cgroup/cpu,cpuacct', ['cpu', 'cpuacct']],
      ['/sys/fs/cgroup/memory', ['memory']],
      ['/sys/fs/cgroup/systemd', ['name=systemd']],
      ['/sys/fs/cgroup/unified', ['hugetlb']],
    ]);
  });

  it('takes trees by controller alone for v1', () => {
    const layout = cgroupLayout(
      HYBRID.filter((mount) => mount.fsType !== 'cgroup2'),
      () => [],
    );
    expect(layout.mode).toBe('v1');
    expect(hierarchyOf(layout, 'cpuacct')?.mountPoint).toBe('/sys/fs/cgroup/cpu,cpuacct');
    expect(hierarchyOf(layout, 'pids')).toBeUndefined();
  });
});
