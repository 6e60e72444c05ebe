import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildPause, type Arch } from '../../../../hack/lib/build-native.ts';
import { allHostDevices, devicesAt, hierarchyOf, readHostFacts } from '../../host/index.ts';
import type { HostFacts } from '../../host/index.ts';
import { newContainerId, newSandboxId } from '../../ids.ts';
import type { ContainerId, SandboxId } from '../../ids.ts';
import { preparePauseRoot } from '../../pause-root.ts';
import type { ContainerSecurity, ContainerSpec, SecurityProfile } from '../../types/index.ts';
import { createCgroupService } from '../cgroup/index.ts';
import type { CgroupService } from '../cgroup/index.ts';
import { containerSpec } from './container-spec.ts';
import type { ContainerSpecInput, SpecSandbox } from './container-spec.ts';
import type { SpecMount } from './mounts.ts';
import type { OciSpec } from './oci.ts';
import { pauseSpec } from './pause-spec.ts';
import { containerRequest, security, specInput } from './test-input.ts';

/** The specs on the runc that PATH finds. */

const { EPERM, ENOSYS } = constants.errno;
/** Numbers of system calls that machines do not agree on. */
const CALLS =
  process.arch === 'arm64' ? { socket: 198, unshare: 97, keyctl: 219 } : { socket: 41, unshare: 272, keyctl: 250 };

let dir: string;
let host: HostFacts;
let cgroups: CgroupService;
let sandboxId: SandboxId;
let parent: string;
const started = new Set<string>();

beforeEach(async () => {
  dir = mkdtempSync('/tmp/dvspec-');
  host = await readHostFacts();
  cgroups = createCgroupService({ layout: host.cgroup, driver: 'cgroupfs' });
  sandboxId = newSandboxId();
  parent = cgroups.podParent(sandboxId, undefined);
  mkdirSync(join(dir, 'shm'));
  chmodSync(join(dir, 'shm'), 0o1777);
  writeFileSync(join(dir, 'hosts'), '127.0.0.1 localhost\n');
  writeFileSync(join(dir, 'hostname'), 'web-0\n');
  writeFileSync(join(dir, 'resolv.conf'), 'nameserver 192.0.2.1\n');
});

afterEach(async () => {
  for (const id of started) runc('delete', '--force', id);
  started.clear();
  await cgroups.removePod(sandboxId, parent);
  rmSync(dir, { recursive: true });
});

function runc(...args: readonly string[]): string {
  const ran = spawnSync('runc', ['--root', join(dir, 'runc'), ...args], { encoding: 'utf8', timeout: 30_000 });
  if (ran.status !== 0) throw new Error(`runc ${args.join(' ')}: ${ran.stderr}${ran.stdout}`);
  return ran.stdout;
}

/** The container keeps what `runc create` has open: no pipe that anyone reads to its end. */
function create(path: string, id: string): void {
  execFileSync('runc', ['--root', join(dir, 'runc'), 'create', '--bundle', path, id], { stdio: 'ignore' });
}

/** A bundle whose root has the host's programs, by a mount of the request. */
function bundle(id: string, spec: OciSpec): string {
  const path = join(dir, id);
  mkdirSync(join(path, 'rootfs/usr'), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(path, 'rootfs', name));
  writeFileSync(join(path, 'config.json'), JSON.stringify(spec));
  return path;
}

function usr(): SpecMount {
  const spec = {
    containerPath: '/usr',
    hostPath: '/usr',
    readonly: true,
    propagation: 'private',
    selinuxRelabel: false,
  } as const;
  return { spec, source: '/usr' };
}

function sandbox(more: Partial<SpecSandbox> = {}): SpecSandbox {
  const files = {
    hosts: join(dir, 'hosts'),
    hostname: join(dir, 'hostname'),
    resolvConf: join(dir, 'resolv.conf'),
    shm: join(dir, 'shm'),
  };
  return { ...specInput().sandbox, id: sandboxId, namespaces: {}, files, ...more };
}

interface Built {
  readonly id: ContainerId;
  readonly path: string;
  readonly notices: readonly string[];
}

function build(request: Partial<ContainerSpec>, more: Partial<ContainerSpecInput> = {}): Built {
  const id = newContainerId();
  const { spec, notices } = containerSpec({
    ...specInput(),
    spec: containerRequest(request),
    sandbox: sandbox(),
    host,
    cgroupsPath: cgroups.specPath(parent, id),
    mounts: [usr()],
    ...more,
  });
  started.add(id);
  return { id, path: bundle(id, spec), notices };
}

function run(script: string, request: Partial<ContainerSpec> = {}, more: Partial<ContainerSpecInput> = {}): string {
  const { id, path } = build({ command: ['sh', '-c', script], ...request }, more);
  const output = runc('run', '--bundle', path, id);
  started.delete(id);
  return output;
}

describe('a container of containerSpec() on runc', () => {
  it('is who and where it was asked to be', () => {
    const output = run('id; pwd; echo $HOSTNAME; cat /etc/hosts /etc/resolv.conf; echo x > /dev/shm/x', {
      workingDir: '/var/work',
    });
    expect(output).toBe(
      'uid=1000 gid=1000 groups=1000,50000\n/var/work\nweb-0\n127.0.0.1 localhost\nnameserver 192.0.2.1\n',
    );
  });

  it('has what is hidden hidden and what is read-only read-only', () => {
    const root = { user: { uid: 0, gid: 0, supplementalGroups: [0] } };
    const trees = host.cgroup.hierarchies.map(({ mountPoint }) => `${mountPoint}/x`).join(' ');
    const probe = `wc -c < /etc/hosts; mkdir ${trees} 2>/dev/null; for f in /proc/sys/x /sys/x /x; do mkdir $f 2>/dev/null && echo $f; done; ls -d ${trees} 2>/dev/null; :`;
    expect(run(probe, { security: security({ maskedPaths: ['/etc/hosts'] }) }, root)).toBe('0\n/x\n');
    const readonly = { security: security({ readonlyRootfs: true }) };
    expect(run('touch /x 2>/dev/null || echo no; touch /etc/hosts 2>/dev/null || echo no', readonly, root)).toBe(
      'no\nno\n',
    );
  });

  it('has the capabilities asked for and no new privileges', () => {
    const request = { security: security({ dropCapabilities: ['ALL'], addCapabilities: ['kill'], noNewPrivs: true }) };
    const output = run('grep -E "^(Cap(Bnd|Inh|Amb)|NoNewPrivs)" /proc/self/status', request);
    expect(output.replaceAll('\t', '')).toBe(
      'CapInh:0000000000000000\nCapBnd:0000000000000020\nCapAmb:0000000000000000\nNoNewPrivs:1\n',
    );
  });

  it('has its limits, in the cgroup that it was given', () => {
    const resources = {
      memoryLimitBytes: 64 * 1024 * 1024,
      cpuShares: 512,
      cpuQuotaUs: 50_000,
      cpuPeriodUs: 100_000,
      hugepageLimits: [{ pageSize: '2MB', limitBytes: 0 }],
    };
    const { id, path } = build({ command: ['sleep', '1000'], resources });
    create(path, id);
    const memory = hierarchyOf(host.cgroup, 'memory');
    const cgroup = join(memory?.mountPoint ?? '', cgroups.containerPath(parent, id));
    const file = memory?.version === 2 ? 'memory.max' : 'memory.limit_in_bytes';
    expect(readFileSync(join(cgroup, file), 'utf8').trim()).toBe(String(64 * 1024 * 1024));
    expect(readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').trim()).toBe(pidOf(id));
  });

  it('starts with all that this node has to give when it is privileged, whatever OOM score it asks for', async () => {
    const privileged = { ...sandbox(), privileged: true };
    const request = {
      security: security({ privileged: true }),
      resources: { oomScoreAdj: -1000 },
    };
    const root = { user: { uid: 0, gid: 0, supplementalGroups: [0] } };
    const output = run(
      'grep CapEff /proc/self/status; touch /proc/sys/kernel/domainname && echo rw; ls /dev/null',
      request,
      {
        ...root,
        sandbox: privileged,
        hostDevices: await allHostDevices(),
      },
    );
    const own = /^CapBnd:\t(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    expect(output).toBe(`CapEff:\t${own}\nrw\n/dev/null\n`);
  });

  it('may use the devices asked for and no others', async () => {
    const devices = (await devicesAt('/dev/kmsg', '/dev/log-of-kernel')).map((device) => ({
      device,
      permissions: 'r',
    }));
    const root = { user: { uid: 0, gid: 0, supplementalGroups: [0] } };
    const probe =
      'head -c1 /dev/log-of-kernel >/dev/null && echo read; mknod /dev/other c 1 11 && (: < /dev/other) 2>/dev/null || echo denied';
    expect(run(probe, {}, { ...root, devices: [] })).toBe('denied\n');
    const limited = devices.map(({ device }) => ({ device: { ...device, major: 1, minor: 5 }, permissions: 'r' }));
    expect(run(probe.replace('1 11', '1 1'), {}, { ...root, devices: limited })).toBe('read\ndenied\n');
  });

  it('leaves no cgroup behind but the folders that removePod() takes', async () => {
    run('true');
    await cgroups.removePod(sandboxId, parent);
    const left = host.cgroup.hierarchies
      .map(({ mountPoint }) => join(mountPoint, parent))
      .filter((path) => existsSync(path));
    expect(left).toEqual([]);
  });
});

/** What a call that a Perl script makes as root answers: 0, or the number of the error. */
function errors(script: string, seccomp: SecurityProfile, more: Partial<ContainerSecurity> = {}): readonly number[] {
  const perl = `sub t { $! = 0; my $n = shift; syscall($n, @_); print $! + 0, "\\n" };`;
  const root = { user: { uid: 0, gid: 0, supplementalGroups: [0] } };
  const output = run(`perl -e '${perl} ${script}'`, { security: security({ seccomp, ...more }) }, root);
  return output.trim().split('\n').map(Number);
}

describe('the system calls of a container on runc', () => {
  it('are those that the default profile allows, whatever stands in the upper half of a register', () => {
    const { socket, unshare, keyctl } = CALLS;
    const families = [1, 2, 38, 0x1_0000_0026, 40].map((family) => `t(${socket}, ${family}, 1, 0);`).join(' ');
    const others = `t(${unshare}, 0x10000000); t(${unshare}, 0x200); t(${keyctl}, 0, 0, 0); t(435, 0, 0); t(425, 1, 0); t(4095);`;
    const answers = [0, 0, EPERM, EPERM, EPERM, EPERM, 0, EPERM, ENOSYS, EPERM, ENOSYS];
    expect(errors(`${families} ${others}`, { kind: 'runtime-default' })).toEqual(answers);
  });

  it('are more for whoever is granted more', () => {
    const script = `t(${CALLS.unshare}, 0x04000000);`;
    const added = { addCapabilities: ['SYS_ADMIN'] };
    expect(errors(script, { kind: 'runtime-default' }, added)).toEqual([0]);
    expect(errors(script, { kind: 'runtime-default' })).toEqual([EPERM]);
    expect(errors(script, { kind: 'unconfined' }, added)).toEqual([0]);
  });
});

describe('the process of pauseSpec() on runc', () => {
  it('is PID 1 of the containers that share its namespace', async () => {
    const program = buildPause(process.arch as Arch, dir);
    await preparePauseRoot(join(dir, 'pause-root'), program ?? '');
    const spec = pauseSpec({
      sandboxId,
      handler: { defaultAnnotations: {}, podAnnotations: [], containerAnnotations: [] },
      spec: {
        annotations: {},
        metadata: { name: 'web-0', uid: 'u1', namespace: 'shop', attempt: 0 },
        namespaces: { network: 'pod', pid: 'pod', ipc: 'pod' },
        privileged: false,
        security: {
          supplementalGroups: [],
          readonlyRootfs: false,
          seccomp: { kind: 'runtime-default' },
          apparmor: { kind: 'unconfined' },
        },
      },
      namespaces: {},
      cgroupsPath: cgroups.specPath(parent, sandboxId),
      host,
      profiles: {},
    });
    const path = bundle(sandboxId, spec);
    const rootfs = join(path, 'rootfs');
    execFileSync('mount', ['--bind', '-o', 'ro', join(dir, 'pause-root'), rootfs]);
    try {
      started.add(sandboxId);
      create(path, sandboxId);
      runc('start', sandboxId);
      const pausePid = Number(pidOf(sandboxId));
      const shared = { sandbox: sandbox({ pausePid }) };
      expect(run('cat /proc/1/cmdline', { security: security({ pid: 'pod' }) }, shared)).toBe('/pause\0');
      expect(readFileSync(`/proc/${pausePid}/status`, 'utf8')).toMatch(/^Uid:\t65535\t[^]*^Seccomp:\t2$/m);
      runc('delete', '--force', sandboxId);
      started.delete(sandboxId);
    } finally {
      execFileSync('umount', ['-l', rootfs]);
    }
  });
});

function pidOf(id: string): string {
  const state: unknown = JSON.parse(runc('state', id));
  return typeof state === 'object' && state !== null && 'pid' in state ? String(state.pid) : '';
}
