import { describe, expect, it } from 'vitest';
import { cgroupLayout, hierarchyOf } from './cgroup-layout.ts';

const ROOT = '/dev/vda / ext4 rw,relatime 0 0';

const UNIFIED = `${ROOT}
cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0`;

const HYBRID = `${ROOT}
tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/memory2 cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,release_agent=/lib/agent,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0`;

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
    const layout = cgroupLayout(HYBRID.replace(/^cgroup2 .*$/m, ''), () => []);
    expect(layout.mode).toBe('v1');
    expect(hierarchyOf(layout, 'cpuacct')?.mountPoint).toBe('/sys/fs/cgroup/cpu,cpuacct');
    expect(hierarchyOf(layout, 'pids')).toBeUndefined();
  });
});
