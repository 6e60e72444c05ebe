import { describe, expect, it } from 'vitest';
import { fakeHost } from '../fake-host.ts';
import type { FakeHost } from '../fake-host.ts';
import { checkCapabilities } from './capabilities.ts';
import { checkCgroups } from './cgroups.ts';
import { checkClock } from './clock.ts';
import { checkDisks } from './disks.ts';
import { checkKernel } from './kernel.ts';
import { checkLsm } from './lsm.ts';
import { checkSysctls } from './sysctls.ts';
import { configOf, told } from './test-config.ts';

const GIB = 1024 ** 3;
const ALL_CAPABILITIES = '000001ffffffffff';

const KERNEL_FILES = {
  ...namespaces('cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'),
  '/proc/filesystems': 'nodev\tsysfs\nnodev\toverlay\n',
  '/proc/self/status': 'Seccomp:\t2\n',
};

function namespaces(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`/proc/self/ns/${name}`, 'x']));
}

const toldKernel = async (fake: FakeHost) => told(await checkKernel(fakeHost({ files: KERNEL_FILES, ...fake })));

describe('checkKernel()', () => {
  it('is content with a kernel that has all', async () => {
    expect(await toldKernel({})).toEqual([]);
  });

  it('refuses one that is too old, and says what an old one does not do', async () => {
    expect(await toldKernel({ kernel: '5.4.0-100-generic' })).toEqual([
      'error: Linux 5.4.0-100-generic is older than 5.6',
    ]);
    expect(await toldKernel({ kernel: '5.10.0' })).toEqual(['note: Linux 5.10.0']);
    expect(await toldKernel({ kernel: '6.1.0' })).toEqual(['note: Linux 6.1.0']);
  });

  it('misses namespaces, overlays and seccomp', async () => {
    const files = { ...namespaces('mnt', 'pid', 'uts', 'cgroup', 'net') };
    expect(await toldKernel({ files })).toEqual([
      'error: the kernel has no ipc namespace',
      'error: the kernel has no overlay file system',
      'warning: the kernel has no seccomp filters',
    ]);
  });

  it('takes a module that can be loaded for one that is', async () => {
    const files = { ...KERNEL_FILES, '/proc/filesystems': '' };
    expect(await toldKernel({ files, programs: { 'modprobe --dry-run --quiet overlay': '' } })).toEqual([]);
  });
});

const toldCgroups = async (files: Record<string, string>, ...flags: readonly string[]) =>
  told(await checkCgroups(fakeHost({ files }), configOf(...flags)));

describe('checkCgroups()', () => {
  const V2 = 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n';
  const V1 = ['cpu,cpuacct', 'cpuset', 'memory', 'pids']
    .map((names) => `cgroup /sys/fs/cgroup/${names} cgroup rw,${names} 0 0\n`)
    .join('');

  it('is content with v2 and its controllers', async () => {
    const files = { '/proc/self/mounts': V2, '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n' };
    expect(await toldCgroups(files)).toEqual([]);
  });

  it('tells of v1, of a missing controller and of swap without a limit', async () => {
    const files = { '/proc/self/mounts': V1, '/proc/swaps': 'Filename\tType\n/dev/sda2\tpartition\n' };
    expect(await toldCgroups(files)).toEqual(['note: cgroup v1', 'warning: there is swap, and no cgroup can limit it']);
    expect(await toldCgroups({ '/proc/self/mounts': V2, '/sys/fs/cgroup/cgroup.controllers': 'cpu' })).toEqual([
      'error: no cgroup controller cpuset, memory',
      'warning: no cgroup controller pids',
    ]);
    expect(await toldCgroups({})).toEqual(['error: no cgroup file system is mounted at /sys/fs/cgroup']);
  });
});

const toldCapabilities = async (mask: string, uid = 0) =>
  told(await checkCapabilities(fakeHost({ uid, files: { '/proc/self/status': `CapBnd:\t${mask}\n` } })));

describe('checkCapabilities()', () => {
  it('wants root with all that pods need', async () => {
    expect(await toldCapabilities(ALL_CAPABILITIES)).toEqual([]);
    expect(await toldCapabilities('000001fffeffffff')).toEqual(['warning: the bounding set lacks CAP_SYS_RESOURCE']);
    expect(await toldCapabilities('00000000a80425fb')).toEqual([
      'error: the bounding set lacks CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_SYS_PTRACE',
      'warning: the bounding set lacks CAP_SYS_RESOURCE',
    ]);
    expect(await toldCapabilities(ALL_CAPABILITIES, 1000)).toEqual(['warning: not run as root']);
  });
});

describe('checkSysctls()', () => {
  it('tells of what is too small and passes over what is not there', async () => {
    const files = { '/proc/sys/net/ipv4/ip_forward': '0\n', '/proc/sys/user/max_net_namespaces': '0\n' };
    expect(told(await checkSysctls(fakeHost({ files })))).toEqual([
      'warning: net.ipv4.ip_forward is 0, less than 1',
      'error: user.max_net_namespaces is 0, less than 1000',
    ]);
    expect(told(await checkSysctls(fakeHost()))).toEqual([]);
  });
});

const toldDisks = async (fake: FakeHost) => told(await checkDisks(fakeHost(fake), configOf()));

describe('checkDisks()', () => {
  it('is content with room, and state on a tmpfs', async () => {
    expect(await toldDisks({})).toEqual([]);
  });

  it('tells of full disks, few inodes, and a state that is no tmpfs', async () => {
    const root = '/var/lib/davit';
    expect(await toldDisks({ spaces: { [root]: { freeBytes: 5 * GIB } } })).toEqual([
      `warning: ${root}: 5GiB free (5 %)`,
    ]);
    expect(await toldDisks({ spaces: { [root]: { freeBytes: 1024 } } })).toEqual([`error: ${root}: only 1KiB free`]);
    expect(await toldDisks({ spaces: { [root]: { freeInodes: 7 } } })).toEqual([
      `error: ${root}: 7 of 1000000 inodes free`,
    ]);
    expect(await toldDisks({ spaces: { '/run/davit': { type: 0xef53 } } })).toEqual([
      'warning: state = "/run/davit" is not on a tmpfs',
    ]);
    expect(await toldDisks({ spaces: { '/run/davit': { freeBytes: 1024 } } })).toEqual([
      'warning: /run/davit: 1KiB free of the tmpfs',
    ]);
  });
});

describe('checkClock()', () => {
  it('wants one that is set and kept', () => {
    expect(told(checkClock(fakeHost()))).toEqual([]);
    expect(told(checkClock(fakeHost({ clockIsKept: false })))).toEqual(['warning: nobody keeps the clock']);
    expect(told(checkClock(fakeHost({ nowMs: 0 })))).toEqual(['error: the clock says 1970-01-01T00:00:00.000Z']);
  });
});

const toldLsm = async (files: Record<string, string>) => told(await checkLsm(fakeHost({ files })));

describe('checkLsm()', () => {
  it('wants what each needs in user space', async () => {
    const on = { '/sys/module/apparmor/parameters/enabled': 'Y\n' };
    expect(await toldLsm({ ...on, '/sbin/apparmor_parser': '' })).toEqual([]);
    expect(await toldLsm(on)).toEqual(['warning: AppArmor is on, and /sbin/apparmor_parser is missing']);
    expect(await toldLsm({ '/sys/fs/selinux/enforce': '1', '/etc/selinux/config': 'SELINUXTYPE=mls\n' })).toEqual([
      'warning: SELinux is on, and its policy mls knows no containers',
    ]);
    expect(await toldLsm({})).toEqual(['note: neither AppArmor nor SELinux is on']);
  });
});
