import { describe, expect, it } from 'vitest';
import type { HostDevice } from '../../host/index.ts';
import { CAPABILITIES, DEFAULT_CAPABILITIES } from '../../../capability-names.ts';
import { parseSeccompProfile } from '../../security/seccomp/index.ts';
import type { ContainerSecurity, ContainerSpec } from '../../types/index.ts';
import { containerSpec } from './container-spec.ts';
import type { ContainerSpecInput } from './container-spec.ts';
import type { OciSpec } from './oci.ts';
import { containerRequest, hostFacts, security, specInput } from './test-input.ts';

const NULL_DEVICE: HostDevice = { path: '/dev/null', type: 'c', major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 };
const FUSE: HostDevice = { path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 };

function build(more: Partial<ContainerSpecInput> = {}): OciSpec {
  return containerSpec(specInput(more)).spec;
}

function privileged(more: Partial<ContainerSpecInput> = {}): ContainerSpecInput {
  const { sandbox } = specInput();
  return specInput({
    spec: containerRequest({ security: security({ privileged: true }) }),
    sandbox: { ...sandbox, privileged: true },
    ...more,
  });
}

function cgroupOptions({ mounts }: OciSpec): readonly string[] {
  return mounts.find(({ destination }) => destination === '/sys/fs/cgroup')?.options ?? [];
}

function types(spec: OciSpec): readonly string[] {
  return spec.linux.namespaces.map(({ type }) => type);
}

function inPid(pid: ContainerSecurity['pid']): ContainerSpec {
  return containerRequest({ security: security({ pid }) });
}

/** Every array and object below a value. */
function parts(value: unknown): readonly object[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(parts)];
}

describe('containerSpec()', () => {
  it('makes capabilities inheritable where the node wants it, and nowhere else', () => {
    const { defaults } = specInput();
    const { capabilities } = containerSpec(specInput({ defaults: { ...defaults, inheritableCapabilities: true } })).spec
      .process;
    expect(capabilities.inheritable).toEqual(capabilities.bounding);
    expect(capabilities).not.toHaveProperty('ambient');
    expect(containerSpec(specInput()).spec.process.capabilities).not.toHaveProperty('inheritable');
  });

  it('has the classes that it is put into, beside its limits', () => {
    const blockio = { weight: 20, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1000 }] };
    const { linux } = containerSpec(specInput({ blockio, rdtGroup: 'gold' })).spec;
    expect([linux.resources.blockIO, linux.intelRdt]).toEqual([blockio, { closID: 'gold' }]);
    expect(containerSpec(specInput()).spec.linux).not.toHaveProperty('intelRdt');
  });

  it('is in the user namespace of its pod, which sees the files of the pod and its volumes by its own ids', () => {
    const { sandbox } = specInput();
    const mappings = [{ containerID: 0, hostID: 65_536, size: 65_536 }];
    const spec = build({
      sandbox: {
        ...sandbox,
        namespaces: { ...sandbox.namespaces, user: '/run/ns/user' },
        idMap: { hostId: 65_536, length: 65_536 },
      },
      volumes: [{ containerPath: '/data', source: '/v/0' }],
    });
    expect(spec.linux.namespaces).toContainEqual({ type: 'user', path: '/run/ns/user' });
    expect(spec.linux).toMatchObject({ uidMappings: mappings, gidMappings: mappings });
    const shifted = spec.mounts.filter((mount) => mount.uidMappings !== undefined).map((mount) => mount.destination);
    expect(shifted.sort()).toEqual(['/data', '/dev/shm', '/etc/hostname', '/etc/hosts', '/etc/resolv.conf']);
    expect(build().linux.uidMappings).toBeUndefined();
  });

  it('has what the node gives to every container, under what image and request say', () => {
    const spec = build({
      defaults: {
        env: ['LANG=node', 'ZONE=node', 'MINE=node'],
        ulimits: { nofile: '10:20' },
        umask: '0027',
        deviceOwnership: true,
        inheritableCapabilities: false,
        unsetSeccomp: 'unconfined',
        privilegedSeccompProfile: 'unconfined',
        defaultCapabilities: ['CAP_KILL'],
      },
      localtime: '/usr/share/zoneinfo/Europe/Berlin',
      spec: containerRequest({
        env: [['MINE', 'request']],
        security: security({ runAsUser: 1000, runAsGroup: 1001 }),
      }),
      devices: [{ device: FUSE, permissions: 'r' }],
    });
    expect(spec.process.env).toEqual(expect.arrayContaining(['LANG=C', 'ZONE=node', 'MINE=request']));
    expect(spec.process).toMatchObject({
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 20 }],
      user: { umask: 0o027 },
    });
    expect(spec.mounts).toContainEqual({
      destination: '/etc/localtime',
      type: 'bind',
      source: '/usr/share/zoneinfo/Europe/Berlin',
      options: ['rbind', 'rprivate', 'ro'],
    });
    expect(spec.linux.devices).toEqual([{ ...FUSE, uid: 1000, gid: 1001 }]);
    expect(build().process).not.toHaveProperty('rlimits');
    expect(build().process.user).not.toHaveProperty('umask');
  });

  it('is privileged without the devices of the node, and may write to its cgroup, where the handler says so', () => {
    const { sandbox, handler } = specInput();
    const spec = build({
      sandbox: { ...sandbox, privileged: true },
      handler: { ...handler, privilegedWithoutHostDevices: true },
      spec: containerRequest({ security: security({ privileged: true }) }),
      devices: [{ device: FUSE, permissions: 'r' }],
      hostDevices: [{ ...FUSE, path: '/dev/kmsg' }],
    });
    expect(spec.linux.devices).toEqual([FUSE]);
    expect(spec.linux.resources.devices?.[0]).toEqual({ allow: false, access: 'rwm' });
    expect(cgroupOptions(build())).toContain('ro');
    expect(cgroupOptions(build({ handler: { ...handler, cgroupWritable: true } }))).toContain('rw');
  });

  it('runs the process as asked', () => {
    const { process } = build();
    expect(process).toMatchObject({
      terminal: false,
      user: { uid: 1000, gid: 1000, additionalGids: [1000, 50_000] },
      args: ['/entry', 'serve'],
      cwd: '/',
      noNewPrivileges: false,
      oomScoreAdj: 0,
    });
    expect(process.env).toEqual([
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'HOSTNAME=web-0',
      'LANG=C',
    ]);
    expect(process).not.toHaveProperty('apparmorProfile');
  });

  it('gives the same capabilities in all sets and none that a child would inherit', () => {
    const { capabilities } = build().process;
    expect(Object.keys(capabilities)).toEqual(['bounding', 'effective', 'permitted']);
    expect([...capabilities.bounding].sort()).toEqual([...DEFAULT_CAPABILITIES].sort());
    expect(capabilities.effective).toEqual(capabilities.bounding);
    const defaults = { ...specInput().defaults, defaultCapabilities: ['CAP_KILL'] };
    expect(build({ defaults }).process.capabilities.bounding).toEqual(['CAP_KILL']);
  });

  it('leaves the host name to the namespace', () => {
    expect(build()).not.toHaveProperty('hostname');
  });

  it('joins the namespaces of the pod and makes pid, mount and cgroup ones', () => {
    expect(build().linux.namespaces).toEqual([
      { type: 'pid' },
      { type: 'mount' },
      { type: 'network', path: '/run/ns/net' },
      { type: 'ipc', path: '/run/ns/ipc' },
      { type: 'uts', path: '/run/ns/uts' },
      { type: 'cgroup' },
    ]);
  });

  it('makes no cgroup namespace on v1, and none for a privileged container', () => {
    expect(types(build({ host: hostFacts({ cgroup: { mode: 'hybrid', hierarchies: [] } }) }))).not.toContain('cgroup');
    expect(types(containerSpec(privileged()).spec)).not.toContain('cgroup');
  });

  it('names the pod for the shim, so that its containers share one', () => {
    expect(build().annotations).toEqual({
      'io.containerd.runc.v2.group': 'pod1',
      'io.kubernetes.cri.container-type': 'container',
      'io.kubernetes.cri.container-name': 'web',
      'io.kubernetes.cri.image-name': 'registry.example/web:1',
      'io.kubernetes.cri.sandbox-id': 'pod1',
      'io.kubernetes.cri.sandbox-name': 'web-0',
      'io.kubernetes.cri.sandbox-namespace': 'shop',
      'io.kubernetes.cri.sandbox-uid': 'u1',
    });
  });

  it("lets only the handler's annotations through, and never over davit's own", () => {
    const { sandbox } = specInput();
    const annotations = {
      'io.example/a': '1',
      'org.systemd.property.ExecStartPre': 'rm',
      'io.containerd.runc.v2.group': 'other',
    };
    const spec = build({
      sandbox: { ...sandbox, annotations },
      spec: containerRequest({ annotations: { 'io.example/b': '2', 'io.other/c': '3' } }),
      handler: {
        defaultAnnotations: { 'io.example/a': '0', 'io.other/d': '4', 'io.kubernetes.cri.sandbox-id': 'other' },
        privilegedWithoutHostDevices: false,
        cgroupWritable: false,
        podAnnotations: ['io.example/*', 'io.containerd.runc.v2.group'],
        containerAnnotations: ['io.example/b'],
      },
    });
    expect(spec.annotations).toMatchObject({ 'io.example/a': '1', 'io.example/b': '2', 'io.other/d': '4' });
    expect(spec.annotations['io.kubernetes.cri.sandbox-id']).toBe('pod1');
    expect(spec.annotations).not.toHaveProperty('org.systemd.property.ExecStartPre');
    expect(spec.annotations).not.toHaveProperty('io.other/c');
    expect(spec.annotations['io.containerd.runc.v2.group']).toBe('pod1');
  });

  it('hides exactly the paths of the request', () => {
    expect(build().linux).toMatchObject({ maskedPaths: ['/proc/kcore'], readonlyPaths: ['/proc/sys'] });
    const open = containerRequest({ security: security({ maskedPaths: [], readonlyPaths: [] }) });
    expect(build({ spec: open }).linux).toMatchObject({ maskedPaths: [], readonlyPaths: [] });
  });

  it('has the devices that the node gives, unless the request has another on the same path', () => {
    const nothing = { ...NULL_DEVICE, path: '/dev/nothing' };
    const additionalDevices = [nothing, FUSE].map((device) => ({ device, permissions: 'rwm' }));
    const { linux } = build({ additionalDevices, devices: [{ device: FUSE, permissions: 'r' }] });
    expect(linux.devices).toEqual([nothing, FUSE]);
    expect(linux.resources.devices).toEqual([
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
      { allow: true, type: 'c', major: 10, minor: 229, access: 'r' },
    ]);
    expect(containerSpec(privileged({ additionalDevices })).spec.linux.devices).toContainEqual(nothing);
  });

  it('allows only the devices asked for', () => {
    const { linux } = build({ devices: [{ device: FUSE, permissions: 'rw' }] });
    expect(linux.devices).toEqual([FUSE]);
    expect(linux.resources.devices).toEqual([
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
    ]);
  });

  it.each(['', 'rx', 'rr'])('refuses the device permissions %j', (permissions) => {
    expect(() => build({ devices: [{ device: FUSE, permissions }] })).toThrow('config.devices[0].permissions');
  });

  it('opens everything to a privileged container', () => {
    const { spec } = containerSpec(privileged({ hostDevices: [NULL_DEVICE, FUSE] }));
    expect(spec.process.capabilities.bounding).toEqual(CAPABILITIES);
    expect(spec.linux.devices).toEqual([NULL_DEVICE, FUSE]);
    expect(spec.linux.resources.devices).toEqual([{ allow: true, access: 'rwm' }]);
    expect(spec.linux).toMatchObject({ maskedPaths: [], readonlyPaths: [] });
    const options = Object.fromEntries(spec.mounts.map((mount) => [mount.destination, mount.options]));
    expect(options['/sys']).toContain('rw');
    expect(options['/sys/fs/cgroup']).toContain('rw');
  });

  it('does not give the devices of the host to an unprivileged container', () => {
    expect(build({ hostDevices: [FUSE] }).linux.devices).toEqual([]);
  });

  it('refuses a privileged container in a sandbox that is not', () => {
    const { sandbox } = specInput();
    expect(() => containerSpec(privileged({ sandbox }))).toThrow('security_context.privileged: the sandbox is not');
  });

  it('raises an OOM score that it may not set and says so once', () => {
    const own = { boundingCapabilities: [...CAPABILITIES], effectiveCapabilities: [], oomScoreAdj: 0 };
    const request = containerRequest({ resources: { oomScoreAdj: -997 } });
    const { spec, notices } = containerSpec(specInput({ spec: request, host: hostFacts({ process: own }) }));
    expect(spec.process.oomScoreAdj).toBe(0);
    expect(notices).toEqual(['oom_score_adj -997 is raised to 0: davit has no CAP_SYS_RESOURCE to go lower']);
    expect(build({ spec: request }).process.oomScoreAdj).toBe(-997);
  });

  it('keeps back capabilities that the node does not have, and says so', () => {
    const held = CAPABILITIES.filter((name) => name !== 'CAP_SYS_RESOURCE');
    const process = { boundingCapabilities: held, effectiveCapabilities: held, oomScoreAdj: 0 };
    const { spec, notices } = containerSpec(privileged({ host: hostFacts({ process }) }));
    expect(spec.process.capabilities.bounding).toEqual(held);
    expect(notices).toEqual(['capabilities that davit does not have itself are left out: CAP_SYS_RESOURCE']);
  });

  it("filters system calls by the runtime's default, as far as the granted capabilities ask for it", () => {
    const seccomp = { kind: 'runtime-default' } as const;
    const allows = (more: Partial<ContainerSecurity>, name: string): boolean | undefined =>
      build({
        spec: containerRequest({ security: security({ seccomp, ...more }) }),
      }).linux.seccomp?.syscalls[0]?.names.includes(name);
    expect(allows({}, 'chroot')).toBe(true);
    expect(allows({ dropCapabilities: ['SYS_CHROOT'] }, 'chroot')).toBe(false);
    expect(allows({}, 'settimeofday')).toBe(false);
    expect(allows({ addAmbientCapabilities: ['SYS_TIME'] }, 'settimeofday')).toBe(true);
    expect(allows({ seccomp: { kind: 'unconfined' } }, 'chroot')).toBeUndefined();
    expect(allows({ seccomp: { kind: 'unset' } }, 'chroot')).toBeUndefined();
    const defaults = { ...specInput().defaults, unsetSeccomp: 'runtime-default' } as const;
    const unset = containerRequest({ security: security({ seccomp: { kind: 'unset' } }) });
    expect(build({ defaults, spec: unset }).linux.seccomp).toBeDefined();
    expect(build({ defaults }).linux.seccomp).toBeUndefined();
  });

  it('filters system calls by a profile of the node', () => {
    const seccomp = { kind: 'localhost', ref: '/p.json' } as const;
    const spec = containerRequest({ security: security({ seccomp }) });
    const seccompFile = parseSeccompProfile('{"defaultAction":"SCMP_ACT_LOG"}', '/p.json');
    expect(build({ spec, profiles: { seccompFile } }).linux.seccomp).toEqual({
      defaultAction: 'SCMP_ACT_LOG',
      syscalls: [],
    });
    const byDefault = containerRequest({ security: security({ seccomp: { kind: 'runtime-default' } }) });
    const handler = { ...specInput().handler, seccompProfile: '/p.json' };
    expect(build({ spec: byDefault, handler, profiles: { seccompFile } }).linux.seccomp?.defaultAction).toBe(
      'SCMP_ACT_LOG',
    );
  });

  it('refuses a filter where the kernel has none', () => {
    const spec = containerRequest({ security: security({ seccomp: { kind: 'runtime-default' } }) });
    expect(() => build({ spec, host: hostFacts({ seccomp: false }) })).toThrow(
      'config.linux.security_context.seccomp: runtime-default cannot be had',
    );
  });

  it('sets the AppArmor profile that was looked up', () => {
    expect(build({ profiles: { apparmorProfile: 'web' } }).process.apparmorProfile).toBe('web');
  });

  it('carries the labels of SELinux, a privileged container only that of its files', () => {
    const labels = { process: 'u:r:t:s0:c1,c2', mount: 'u:object_r:f:s0:c1,c2' };
    const { process, linux } = build({ labels });
    expect(process.selinuxLabel).toBe(labels.process);
    expect(linux.mountLabel).toBe(labels.mount);
    const bare = build({ labels: { mount: labels.mount } });
    expect(bare.process).not.toHaveProperty('selinuxLabel');
    expect(containerSpec(privileged({ labels: { mount: labels.mount } })).spec.linux.mountLabel).toBe(labels.mount);
  });

  it('leaves a privileged container without profiles, unless the node filters its system calls', () => {
    const request = containerRequest({
      security: security({ seccomp: { kind: 'runtime-default' }, privileged: true }),
    });
    const { spec } = containerSpec(privileged({ spec: request, profiles: { apparmorProfile: 'web' } }));
    expect(spec.linux).not.toHaveProperty('seccomp');
    expect(spec.process).not.toHaveProperty('apparmorProfile');
    const defaults = { ...specInput().defaults, privilegedSeccompProfile: 'runtime-default' };
    const filtered = containerSpec(privileged({ spec: request, defaults, profiles: { apparmorProfile: 'web' } })).spec;
    expect(filtered.linux.seccomp).toBeDefined();
    expect(filtered.process).not.toHaveProperty('apparmorProfile');
  });

  it('puts ambient capabilities into all sets', () => {
    const spec = containerRequest({
      security: security({ dropCapabilities: ['ALL'], addAmbientCapabilities: ['NET_BIND_SERVICE'] }),
    });
    const only = ['CAP_NET_BIND_SERVICE'];
    const all = { bounding: only, effective: only, permitted: only, inheritable: only, ambient: only };
    expect(build({ spec }).process.capabilities).toEqual(all);
  });

  it('shares nothing between two specs, nor with what they are made from', () => {
    const input = privileged({ hostDevices: [NULL_DEVICE], devices: [{ device: FUSE, permissions: 'r' }] });
    const [first, second] = [containerSpec(input).spec, containerSpec(input).spec];
    const others = new Set([...parts(second), ...parts(input)]);
    expect(parts(first).filter((part) => others.has(part))).toEqual([]);
    expect(first).toEqual(second);
  });
});

describe('the PID namespace of containerSpec()', () => {
  const sandbox = { ...specInput().sandbox, pausePid: 7 };

  it("is the pause process' for a pod that shares", () => {
    expect(build({ spec: inPid('pod'), sandbox }).linux.namespaces[0]).toEqual({
      type: 'pid',
      path: '/proc/7/ns/pid',
    });
  });

  it("is the target's", () => {
    expect(build({ spec: inPid({ target: 'c9' }), targetPid: 9 }).linux.namespaces[0]).toEqual({
      type: 'pid',
      path: '/proc/9/ns/pid',
    });
  });

  it("is the node's when none is listed", () => {
    expect(types(build({ spec: inPid('node'), sandbox }))).not.toContain('pid');
  });

  it('is an error when what it needs is not there', () => {
    expect(() => build({ spec: inPid('pod') })).toThrow('without a PID namespace of its own');
    expect(() => build({ spec: inPid({ target: 'c9' }) })).toThrow('container c9 does not run');
  });
});
