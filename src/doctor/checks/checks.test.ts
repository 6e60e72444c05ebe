import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../config/index.ts';
import type { Config } from '../../config/index.ts';
import { fakeHost } from '../fake-host.ts';
import type { FakeHost } from '../fake-host.ts';
import type { Found } from '../finding.ts';
import { checkCapabilities } from './capabilities.ts';
import { checkCgroups } from './cgroups.ts';
import { checkClock } from './clock.ts';
import { checkContainerd } from './containerd.ts';
import { checkDavitd } from './davitd.ts';
import { checkDisks } from './disks.ts';
import { checkKernel } from './kernel.ts';
import { checkLimits } from './limits.ts';
import { checkLsm } from './lsm.ts';
import { checkNetwork } from './network.ts';
import { checkRuntimes } from './runtimes.ts';
import { checkSysctls } from './sysctls.ts';

const NO_FILES = { readFile: notThere, listDir: notThere };
const GIB = 1024 ** 3;
const ALL_CAPABILITIES = '000001ffffffffff';

function notThere(): never {
  throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
}

function configOf(...flags: readonly string[]): Config {
  return loadConfig(flags, NO_FILES);
}

/** Levels and the beginnings of what was found, for what is not fine. */
function told(found: readonly Found[]): readonly string[] {
  return found.filter(({ level }) => level !== 'ok').map(({ level, found: text }) => `${level}: ${text}`);
}

function namespaces(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`/proc/self/ns/${name}`, 'x']));
}

const KERNEL_FILES = {
  ...namespaces('cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'),
  '/proc/filesystems': 'nodev\tsysfs\nnodev\toverlay\n',
  '/proc/self/status': 'Seccomp:\t2\n',
};

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

const toldRuntimes = async (programs: Record<string, string>) =>
  told(await checkRuntimes(fakeHost({ programs }), configOf()));

describe('checkRuntimes()', () => {
  const SHIM = { 'containerd-shim-runc-v2': '' };
  const FEATURES = '{"linux":{"mountExtensions":{"idmap":{"enabled":true}}}}';

  it('is content with a new runc', async () => {
    const programs = { ...SHIM, 'runc --version': 'runc version 1.5.2\n', 'runc features': FEATURES };
    expect(await toldRuntimes(programs)).toEqual([]);
  });

  it('names the holes of an old one', async () => {
    const programs = { ...SHIM, 'runc --version': 'runc version 1.3.3\n', 'runc features': FEATURES };
    expect(await toldRuntimes(programs)).toEqual(['warning: runc 1.3.3 (runc) has known holes: CVE-2026-41579']);
  });

  it('misses shim and runtime', async () => {
    expect(await toldRuntimes({})).toEqual([
      'error: the shim containerd-shim-runc-v2 of handler runc is not in PATH',
      'error: the OCI runtime runc of handler runc cannot be run',
    ]);
  });

  it('tells of one without idmapped mounts', async () => {
    const programs = { ...SHIM, 'runc --version': 'runc version 1.3.6\n', 'runc features': '{}' };
    expect(await toldRuntimes(programs)).toEqual(['note: runc 1.3.6 (runc) has no idmapped mounts']);
  });
});

const toldContainerd = async (fake: FakeHost, ...flags: readonly string[]) =>
  told(await checkContainerd(fakeHost(fake), configOf(...flags)));

describe('checkContainerd()', () => {
  const SYSTEM = '/run/containerd/containerd.sock';

  it('asks the one that davitd would use', async () => {
    expect(await toldContainerd({ sockets: [SYSTEM], containerd: '2.4.2' })).toEqual([]);
    expect(await toldContainerd({ containerdIsInstalled: true })).toEqual([
      `error: containerd does not answer at ${SYSTEM}`,
    ]);
    expect(await toldContainerd({}, '--containerd-address', '/run/c.sock')).toEqual([
      'error: containerd does not answer at /run/c.sock',
    ]);
    const recorded = { '/var/lib/davit/containerd.json': '{"address":"/run/own.sock"}' };
    expect(await toldContainerd({ files: recorded })).toEqual(['error: containerd does not answer at /run/own.sock']);
  });

  it('judges its release', async () => {
    expect(await toldContainerd({ sockets: [SYSTEM], containerd: '1.5.0' })).toEqual([
      `error: containerd 1.5.0 (${SYSTEM}) is older than 1.6`,
    ]);
    expect(await toldContainerd({ sockets: [SYSTEM], containerd: '1.6.20~ds1' })).toEqual([
      `warning: containerd 1.6.20~ds1 (${SYSTEM}) has known holes: CVE-2024-25621`,
      `note: containerd 1.6.20~ds1 (${SYSTEM}): its line gets no more fixes from its makers`,
    ]);
  });

  it('knows that davitd can start one', async () => {
    expect(await toldContainerd({ programs: { containerd: '' } })).toEqual([
      'note: no containerd runs: davitd starts and supervises containerd',
    ]);
    expect(await toldContainerd({})).toEqual(['error: there is no containerd']);
    const long = `/${'x'.repeat(90)}`;
    expect(await toldContainerd({ programs: { containerd: '' } }, '--state', long)).toEqual([
      `error: state = "${long}" is too long a path`,
    ]);
  });
});

describe('checkNetwork()', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dv-doctor-'));
    for (const name of ['net.d', 'bin']) mkdirSync(join(folder, name));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const check = async (...flags: readonly string[]) => {
    const folders = ['--cni-conf-dir', join(folder, 'net.d'), '--cni-bin-dir', join(folder, 'bin')];
    return told(await checkNetwork(configOf(...folders, ...flags)));
  };
  const plugin = (name: string): void => {
    writeFileSync(join(folder, 'bin', name), '');
    chmodSync(join(folder, 'bin', name), 0o755);
  };

  it('wants a configuration, or the built-in network', async () => {
    expect(await check()).toEqual([`error: no CNI configuration in ${folder}/net.d`]);
    expect((await check('--builtin-network')).join()).toMatch(/missing|needs plugins .*: bridge, host-local, portmap/);
    for (const name of ['bridge', 'host-local', 'portmap']) plugin(name);
    expect(await check('--builtin-network')).toEqual(['note: the built-in network']);
  });

  it('wants every plugin of the one that counts, and tells of files that are broken', async () => {
    const conf = { name: 'pods', cniVersion: '1.0.0', plugins: [{ type: 'bridge', ipam: { type: 'host-local' } }] };
    writeFileSync(join(folder, 'net.d', '10-pods.conflist'), JSON.stringify(conf));
    writeFileSync(join(folder, 'net.d', '20-x.conf'), '{');
    plugin('bridge');
    const [broken, missing] = await check();
    expect(broken).toMatch(/^warning: .*20-x\.conf: not JSON/);
    expect(missing).toMatch(/^error: network "pods" of .* needs plugins .*: host-local$/);
    plugin('host-local');
    expect(await check()).toHaveLength(1);
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

const limits = (files: string) => `Limit\nMax open files            ${files}               ${files}      files\n`;

describe('checkLimits()', () => {
  const LISTEN = { listen: 'unix:///run/d.sock' };

  it('looks at the davitd that serves', async () => {
    const files = {
      '/proc/7/fd/4': 'socket:[4711]',
      '/proc/6/fd/4': 'socket:[4712]',
      '/proc/7/limits': limits('1000'),
      '/proc/self/limits': limits('1048576'),
    };
    expect(told(await checkLimits(fakeHost({ files }), LISTEN))).toEqual([]);
    const unix = 'Num RefCount Protocol Flags Type St Inode Path\n0: 2 0 10000 1 1 4711 /run/d.sock\n';
    const serving = { ...files, '/proc/net/unix': unix };
    expect(told(await checkLimits(fakeHost({ files: serving }), LISTEN))).toEqual([
      'error: davitd (pid 7) may have only 1000 files open',
    ]);
  });

  it("tells of a node's table that is full", async () => {
    const files = { '/proc/self/limits': limits('unlimited'), '/proc/sys/fs/file-nr': '950\t0\t1000\n' };
    expect(told(await checkLimits(fakeHost({ files }), LISTEN))).toEqual([
      'error: 950 of 1000 files of the whole node are open',
    ]);
  });
});

describe('checkDavitd()', () => {
  it('tells who serves, and a socket that nobody serves', async () => {
    const socket = '/run/davit/davit.sock';
    expect(told(await checkDavitd(fakeHost({ sockets: [socket] }), configOf()))).toEqual([]);
    expect(told(await checkDavitd(fakeHost(), configOf()))).toEqual([`note: no davitd serves at ${socket}`]);
    expect(told(await checkDavitd(fakeHost({ files: { [socket]: '' } }), configOf()))).toEqual([
      `error: ${socket} is there, and nobody answers`,
    ]);
    expect(told(await checkDavitd(fakeHost({ node: '20.1.0', sockets: [socket] }), configOf()))).toEqual([
      'error: Node 20.1.0 is older than 24',
    ]);
  });
});
