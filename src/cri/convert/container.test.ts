import { describe, expect, it } from 'vitest';
import { EngineError } from '../../engine/index.ts';
import type { Container, SandboxSpec, SeccompChoice, SecurityProfile } from '../../engine/index.ts';
import { aContainer, aContainerId, aSandbox, aSandboxId } from '../fake-engine.ts';
import * as cri from '../generated/cri.js';
import { toContainerFilter, toContainerSpec } from './container.ts';
import { fromContainer, fromContainerStatus } from './container-status.ts';

const { RuntimeDefault, Unconfined, Localhost } = cri.SecurityProfile.ProfileType;
const METADATA = { name: 'app', attempt: 1 };
const IMAGE = { image: 'registry.k8s.io/pause:3.10' };
const SANDBOX = aSandbox(1).spec;
const MINIMAL: cri.IContainerConfig = { metadata: METADATA, image: IMAGE };

function convert(config: cri.IContainerConfig | null, sandbox: SandboxSpec = SANDBOX) {
  const bytes = cri.CreateContainerRequest.encode({ podSandboxId: aSandboxId(1), config }).finish();
  return toContainerSpec(cri.CreateContainerRequest.decode(bytes), sandbox);
}

const security = (securityContext: cri.ILinuxContainerSecurityContext): cri.IContainerConfig => ({
  ...MINIMAL,
  linux: { securityContext },
});

function filterOf(fields: cri.IContainerFilter): cri.ContainerFilter {
  return cri.ContainerFilter.decode(cri.ContainerFilter.encode(fields).finish());
}

function statusOf(container: Container): cri.ContainerStatus {
  return cri.ContainerStatus.decode(cri.ContainerStatus.encode(fromContainerStatus(container)).finish());
}

describe('toContainerSpec()', () => {
  it('leaves absent what is not set; no profile is no confinement', () => {
    expect(convert(MINIMAL)).toEqual({
      metadata: METADATA,
      image: { image: IMAGE.image, annotations: {} },
      command: [],
      args: [],
      env: [],
      mounts: [],
      devices: [],
      labels: {},
      annotations: {},
      stdin: false,
      stdinOnce: false,
      tty: false,
      resources: { oomScoreAdj: 0 },
      security: {
        privileged: false,
        addCapabilities: [],
        dropCapabilities: [],
        addAmbientCapabilities: [],
        pid: 'container',
        supplementalGroups: [],
        supplementalGroupsPolicy: 'merge',
        readonlyRootfs: false,
        noNewPrivs: false,
        maskedPaths: [],
        readonlyPaths: [],
        seccomp: { kind: 'unset' },
        apparmor: { kind: 'runtime-default' },
      },
    });
  });

  it('carries all that is set', () => {
    const spec = convert(
      {
        metadata: METADATA,
        image: { image: 'sha256:abc', userSpecifiedImage: 'app:1', annotations: { a: 'b' } },
        command: ['/bin/sh'],
        args: ['-c', 'echo hi'],
        workingDir: '/srv',
        envs: [
          { key: 'A', value: Buffer.from('ü=1\n') },
          { key: 'EMPTY', value: Buffer.alloc(0) },
        ],
        mounts: [
          {
            containerPath: '/data',
            hostPath: '/srv/../data',
            readonly: true,
            selinuxRelabel: true,
            propagation: cri.MountPropagation.PROPAGATION_BIDIRECTIONAL,
          },
        ],
        devices: [{ containerPath: '/dev/x', hostPath: '/dev/null', permissions: 'mrw' }],
        labels: { l: '1' },
        annotations: { n: '2' },
        logPath: 'app/1.log',
        stdin: true,
        stdinOnce: true,
        tty: true,
        stopSignal: cri.Signal.SIGNAL_SIGQUIT,
        linux: {
          resources: { memoryLimitInBytes: 1 << 20, oomScoreAdj: 1000 },
          securityContext: {
            privileged: true,
            capabilities: {
              addCapabilities: ['NET_ADMIN'],
              dropCapabilities: ['ALL'],
              addAmbientCapabilities: ['KILL'],
            },
            namespaceOptions: { pid: cri.NamespaceMode.NODE },
            runAsUsername: 'nobody',
            runAsGroup: { value: 65_534 },
            supplementalGroups: [7],
            supplementalGroupsPolicy: cri.SupplementalGroupsPolicy.Strict,
            readonlyRootfs: true,
            noNewPrivs: true,
            maskedPaths: ['/proc/kcore'],
            readonlyPaths: ['/proc/sys'],
            seccomp: { profileType: cri.SecurityProfile.ProfileType.RuntimeDefault },
          },
        },
      },
      { ...SANDBOX, privileged: true },
    );
    expect(spec).toEqual({
      metadata: METADATA,
      image: { image: 'sha256:abc', userSpecified: 'app:1', annotations: { a: 'b' } },
      command: ['/bin/sh'],
      args: ['-c', 'echo hi'],
      workingDir: '/srv',
      env: [
        ['A', 'ü=1\n'],
        ['EMPTY', ''],
      ],
      mounts: [
        {
          containerPath: '/data',
          hostPath: '/srv/../data',
          readonly: true,
          selinuxRelabel: true,
          propagation: 'bidirectional',
        },
      ],
      devices: [{ containerPath: '/dev/x', hostPath: '/dev/null', permissions: 'mrw' }],
      labels: { l: '1' },
      annotations: { n: '2' },
      logPath: 'app/1.log',
      stdin: true,
      stdinOnce: true,
      tty: true,
      stopSignal: 'SIGQUIT',
      resources: { memoryLimitBytes: 1 << 20, oomScoreAdj: 1000 },
      security: {
        privileged: true,
        addCapabilities: ['NET_ADMIN'],
        dropCapabilities: ['ALL'],
        addAmbientCapabilities: ['KILL'],
        pid: 'node',
        runAsUsername: 'nobody',
        runAsGroup: 65_534,
        supplementalGroups: [7],
        supplementalGroupsPolicy: 'strict',
        readonlyRootfs: true,
        noNewPrivs: true,
        maskedPaths: ['/proc/kcore'],
        readonlyPaths: ['/proc/sys'],
        // the node says what that is for a privileged one
        seccomp: { kind: 'runtime-default' },
        apparmor: { kind: 'unconfined' },
      },
    });
  });

  it.each<[cri.ILinuxContainerSecurityContext, SeccompChoice]>([
    [{}, { kind: 'unset' }],
    [{ seccomp: {} }, { kind: 'runtime-default' }],
    [{ seccomp: { profileType: Unconfined }, seccompProfilePath: 'runtime/default' }, { kind: 'unconfined' }],
    [{ seccomp: { profileType: Localhost, localhostRef: '/a/b.json' } }, { kind: 'localhost', ref: '/a/b.json' }],
    [{ seccomp: { profileType: Localhost, localhostRef: 'localhost//b.json' } }, { kind: 'localhost', ref: '/b.json' }],
    [{ seccompProfilePath: 'runtime/default' }, { kind: 'runtime-default' }],
    [{ seccompProfilePath: 'unconfined' }, { kind: 'unconfined' }],
    [{ seccompProfilePath: 'localhost//a/b.json' }, { kind: 'localhost', ref: '/a/b.json' }],
  ])('takes the seccomp profile from the new field, else from the older one: %j', (fields, profile) => {
    expect(convert(security(fields)).security.seccomp).toEqual(profile);
  });

  it.each<[cri.ILinuxContainerSecurityContext, SeccompChoice]>([
    [{}, { kind: 'unset' }],
    [{ seccomp: { profileType: RuntimeDefault } }, { kind: 'runtime-default' }],
    [{ seccomp: { profileType: Unconfined } }, { kind: 'unconfined' }],
    [{ seccomp: { profileType: Localhost, localhostRef: '/a/b.json' } }, { kind: 'unconfined' }],
  ])(
    'knows no profile of the request for a privileged container, but whether it asks for one: %j',
    (fields, profile) => {
      const request = security({ ...fields, privileged: true, apparmor: { profileType: RuntimeDefault } });
      const { seccomp, apparmor } = convert(request, { ...SANDBOX, privileged: true }).security;
      expect([seccomp, apparmor]).toEqual([profile, { kind: 'unconfined' }]);
    },
  );

  it.each<[cri.ILinuxContainerSecurityContext, SecurityProfile]>([
    [{}, { kind: 'runtime-default' }],
    [{ apparmor: { profileType: RuntimeDefault } }, { kind: 'runtime-default' }],
    [{ apparmor: { profileType: Unconfined }, apparmorProfile: 'runtime/default' }, { kind: 'unconfined' }],
    [{ apparmor: { profileType: Localhost, localhostRef: 'web' } }, { kind: 'localhost', ref: 'web' }],
    [{ apparmor: { profileType: Localhost, localhostRef: 'localhost/web' } }, { kind: 'localhost', ref: 'web' }],
    [{ apparmorProfile: 'runtime/default' }, { kind: 'runtime-default' }],
    [{ apparmorProfile: 'unconfined' }, { kind: 'unconfined' }],
    [{ apparmorProfile: 'localhost/web' }, { kind: 'localhost', ref: 'web' }],
  ])("takes AppArmor's profile from the new field, else from the older one: %j", (fields, profile) => {
    expect(convert(security(fields)).security.apparmor).toEqual(profile);
  });

  it('takes the parts of an SELinux label that are there', () => {
    const selinuxOptions = { user: 'system_u', role: 'system_r', type: 'svirt_lxc_net_t', level: 's0:c4,c5' };
    expect(convert(security({ selinuxOptions })).security.selinux).toEqual(selinuxOptions);
    expect(convert(security({ selinuxOptions: { level: 's0-s15:c0.c1023' } })).security.selinux).toEqual({
      level: 's0-s15:c0.c1023',
    });
    expect(convert(security({ selinuxOptions: {} })).security).not.toHaveProperty('selinux');
  });

  it.each<[string, cri.IContainerConfig | null]>([
    ['config: is required', null],
    ['config.metadata: is required', { image: IMAGE }],
    ['config.metadata.name: is required', { metadata: {}, image: IMAGE }],
    ['config.image: is required', { metadata: METADATA }],
    ['config.image.image: is required', { metadata: METADATA, image: {} }],
    ['config.image.image: is not an image reference', { metadata: METADATA, image: { image: 'a b' } }],
    ['config.args[1]: has a NUL', { ...MINIMAL, args: ['a', 'b\0'] }],
    ['config.working_dir: must be an absolute path', { ...MINIMAL, workingDir: 'srv' }],
    ['config.envs[0].key: is not the name', { ...MINIMAL, envs: [{ key: 'A=B' }] }],
    ['config.envs[0].key: is not the name', { ...MINIMAL, envs: [{ key: '' }] }],
    ['config.envs[0].value: is not UTF-8', { ...MINIMAL, envs: [{ key: 'A', value: Buffer.from([0xff]) }] }],
    ['config.envs[0].value: has a NUL', { ...MINIMAL, envs: [{ key: 'A', value: Buffer.from('x\0') }] }],
    ['config.mounts[0].container_path: must be an absolute path', { ...MINIMAL, mounts: [{ hostPath: '/a' }] }],
    ['config.mounts[0].host_path: must be an absolute path', { ...MINIMAL, mounts: [{ containerPath: '/a' }] }],
    ['config.devices[0].permissions: must be some of r, w and m', { ...MINIMAL, devices: [{ permissions: 'rx' }] }],
    ['config.log_path: must stay in the log directory', { ...MINIMAL, logPath: '../x' }],
    ['config.log_path: must be relative', { ...MINIMAL, logPath: '/etc/cron.d/x' }],
    ["config.linux.security_context.privileged: the pod's sandbox was made for", security({ privileged: true })],
    ['config.linux.security_context.run_as_user: 4294967295 is not', security({ runAsUser: { value: 2 ** 32 - 1 } })],
    ['config.linux.security_context.run_as_group: needs run_as_user or', security({ runAsGroup: {} })],
    ['config.linux.security_context.run_as_username: only one of', security({ runAsUser: {}, runAsUsername: 'a' })],
    ['config.linux.security_context.run_as_username: is not the name', security({ runAsUsername: 'a:b' })],
    [
      'config.linux.security_context.capabilities.add_capabilities[0]: is not a capability',
      security({ capabilities: { addCapabilities: ['a-b'] } }),
    ],
    ['config.linux.security_context.masked_paths[0]: must be an absolute path', security({ maskedPaths: ['x'] })],
    [
      'config.linux.security_context.namespace_options.network: is NODE',
      security({ namespaceOptions: { network: cri.NamespaceMode.NODE } }),
    ],
    ['config.linux.security_context.apparmor_profile: must be runtime/default', security({ apparmorProfile: 'x' })],
    [
      'config.linux.security_context.seccomp_profile_path: must be an absolute path',
      security({ seccompProfilePath: 'localhost/a.json' }),
    ],
    [
      'config.linux.security_context.seccomp.localhost_ref: is required',
      security({ seccomp: { profileType: Localhost } }),
    ],
    [
      'config.linux.security_context.seccomp.localhost_ref: must be an absolute path',
      security({ seccomp: { profileType: Localhost, localhostRef: 'a.json' } }),
    ],
    [
      'config.linux.security_context.seccomp.localhost_ref: may be set for a Localhost profile only',
      security({ seccomp: { localhostRef: '/a.json' } }),
    ],
    [
      'config.linux.security_context.apparmor.localhost_ref: has a control character',
      security({ apparmor: { profileType: Localhost, localhostRef: 'a\nb' } }),
    ],
    [
      'config.linux.security_context.selinux_options.level: is no part of an SELinux label: "s0,c4,c5"',
      security({ selinuxOptions: { level: 's0,c4,c5' } }),
    ],
    [
      'config.linux.security_context.selinux_options.type: is no part of an SELinux label: "t:s0"',
      security({ selinuxOptions: { type: 't:s0' } }),
    ],
    [
      'config.linux.security_context.capabilities.add_ambient_capabilities[0]: is not a capability',
      security({ capabilities: { addAmbientCapabilities: ['a b'] } }),
    ],
    ['config.linux.resources.oom_score_adj: must be from', { ...MINIMAL, linux: { resources: { oomScoreAdj: 2000 } } }],
  ])('refuses with %j', (problem, config) => {
    const call = (): unknown => convert(config);
    expect(call).toThrow(EngineError);
    expect(call).toThrow(problem);
  });
});

describe('toContainerFilter()', () => {
  it('asks for everything when there is none', () => expect(toContainerFilter(null)).toEqual({ labels: {} }));

  it('tells a state of CREATED, which is zero, from no state', () => {
    expect(toContainerFilter(filterOf({ state: {} }))).toEqual({ labels: {}, state: 'created' });
    const filter = { id: 'a', podSandboxId: 'b', state: { state: 2 }, labelSelector: { k: '' } };
    expect(toContainerFilter(filterOf(filter))).toEqual({
      id: 'a',
      sandboxId: 'b',
      state: 'exited',
      labels: { k: '' },
    });
  });
});

describe('fromContainerStatus()', () => {
  it('shows the reference that was asked for, the mounts as they were, and the user that it got', () => {
    const mount = { containerPath: '/dev/termination-log', hostPath: '/var/x/../y', readonly: false } as const;
    const base = aContainer(1);
    const container = aContainer(1, {
      spec: {
        ...base.spec,
        image: { image: 'sha256:abc', userSpecified: 'app:1', annotations: {} },
        mounts: [{ ...mount, propagation: 'private', selinuxRelabel: false }],
      },
      user: { uid: 7, gid: 8, supplementalGroups: [9] },
      logPath: '/var/log/pods/x/0.log',
      resources: { cpuShares: 100 },
      stopSignal: 'SIGQUIT',
    });
    const status = statusOf(container);
    expect(status).toMatchObject({
      id: aContainerId(1),
      image: { image: 'app:1', userSpecifiedImage: 'app:1' },
      imageRef: container.imageRef,
      imageId: container.imageId,
      mounts: [mount],
      logPath: '/var/log/pods/x/0.log',
      stopSignal: cri.Signal.SIGNAL_SIGQUIT,
    });
    expect(status.user?.linux?.uid.toNumber()).toBe(7);
    expect(status.resources?.linux?.cpuShares.toNumber()).toBe(100);
    expect(status.createdAt.toBigInt()).toBe(container.createdAt);
  });

  it.each<[Container['state'], Partial<cri.ContainerStatus>]>([
    [{ phase: 'created' }, { state: cri.ContainerState.CONTAINER_CREATED }],
    [{ phase: 'starting' }, { state: cri.ContainerState.CONTAINER_CREATED }],
    [
      { phase: 'running', startedAt: 5n, pid: 1 },
      { state: cri.ContainerState.CONTAINER_RUNNING, reason: '' },
    ],
    [
      { phase: 'exited', startedAt: 5n, finishedAt: 6n, exitCode: 137, reason: 'OOMKilled', message: 'm' },
      { state: cri.ContainerState.CONTAINER_EXITED, exitCode: 137, reason: 'OOMKilled', message: 'm' },
    ],
    [
      { phase: 'unknown', reason: 'r' },
      { state: cri.ContainerState.CONTAINER_UNKNOWN, message: 'r' },
    ],
  ])('tells the state of row %#', (state, expected) => {
    const status = statusOf(aContainer(1, { state }));
    expect(status).toMatchObject(expected);
    expect(status.startedAt.toNumber()).toBe('startedAt' in state ? 5 : 0);
    expect(status.finishedAt.toNumber()).toBe('finishedAt' in state ? 6 : 0);
  });
});

describe('fromContainer()', () => {
  it('is what a list shows', () => {
    const item = cri.Container.decode(cri.Container.encode(fromContainer(aContainer(2))).finish());
    expect(item).toMatchObject({ id: aContainerId(2), podSandboxId: aSandboxId(1), imageId: aContainer(2).imageId });
  });
});
