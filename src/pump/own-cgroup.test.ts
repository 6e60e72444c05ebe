import { describe, expect, it } from 'vitest';
import { cgroupTrees } from './own-cgroup.ts';

const HYBRID = `
25 1 0:23 / /sys rw - sysfs sysfs rw
30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
34 1 0:27 / /mnt/elsewhere rw - cgroup cgroup rw,cpu,cpuacct
35 30 0:30 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
`;

describe('cgroupTrees()', () => {
  it('finds every tree that is mounted from its top', () => {
    expect(cgroupTrees(HYBRID)).toEqual([
      '/sys/fs/cgroup/cpu,cpuacct',
      '/sys/fs/cgroup/systemd',
      '/sys/fs/cgroup/unified',
    ]);
  });

  it('finds the one tree of version 2', () => {
    expect(cgroupTrees('30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n')).toEqual(['/sys/fs/cgroup']);
  });
});
