import { describe, expect, it } from 'vitest';
import type { Platform } from '../../engine/index.ts';
import {
  CreateContainerRequest,
  MountPropagation,
  NamespaceMode,
  RunPodSandboxRequest,
  UpdateContainerResourcesRequest,
} from '../generated/cri.js';
import type {
  IContainerConfig,
  ILinuxContainerSecurityContext,
  ILinuxSandboxSecurityContext,
  IPodSandboxConfig,
  IUpdateContainerResourcesRequest,
} from '../generated/cri.js';
import { FIELDS } from './fields.ts';
import { compileRefusal, refusalsByPlatform } from './refuse.ts';

const refuseRun = refusalsByPlatform(FIELDS.RunPodSandbox);
const refuseCreate = refusalsByPlatform(FIELDS.CreateContainer);
const refuseUpdate = refusalsByPlatform(FIELDS.UpdateContainerResources);

function run(config: IPodSandboxConfig, platform: Platform = 'linux'): void {
  refuseRun[platform](RunPodSandboxRequest.decode(RunPodSandboxRequest.encode({ config }).finish()));
}

function create(config: IContainerConfig, platform: Platform = 'linux'): void {
  refuseCreate[platform](CreateContainerRequest.decode(CreateContainerRequest.encode({ config }).finish()));
}

function update(request: IUpdateContainerResourcesRequest, platform: Platform): void {
  const bytes = UpdateContainerResourcesRequest.encode(request).finish();
  refuseUpdate[platform](UpdateContainerResourcesRequest.decode(bytes));
}

const sandbox = (securityContext: ILinuxSandboxSecurityContext): IPodSandboxConfig => ({ linux: { securityContext } });
const container = (securityContext: ILinuxContainerSecurityContext): IContainerConfig => ({
  linux: { securityContext },
});

describe('refusalsByPlatform() of CreateContainer', () => {
  it.each<[string, IContainerConfig]>([
    ['config.CDI_devices', { CDIDevices: [{ name: 'vendor.com/gpu=0' }] }],
    ['config.windows', { windows: { resources: { cpuCount: 1 } } }],
    ['config.image.runtime_handler', { image: { runtimeHandler: 'kata' } }],
  ])('refuses %s by name', (path, config) => {
    expect(() => create(config)).toThrow(`${path}: is not supported: `);
  });

  it.each<[string, IContainerConfig]>([
    [
      'messages that ask for nothing',
      { windows: { resources: {} }, linux: { securityContext: { selinuxOptions: {} } } },
    ],
    ["the node's user namespace", container({ namespaceOptions: { usernsOptions: { mode: NamespaceMode.NODE } } })],
    ['a plain mount', { mounts: [{ hostPath: '/a', containerPath: '/b', selinuxRelabel: true }] }],
  ])('lets %s pass', (_what, config) => {
    expect(() => create(config)).not.toThrow();
  });
});

describe('refusalsByPlatform() of RunPodSandbox', () => {
  it.each<[string, IPodSandboxConfig]>([
    ['config.windows', { windows: { securityContext: { hostProcess: true } } }],
    ['config.linux.security_context.namespace_options.target_id', sandbox({ namespaceOptions: { targetId: 'x' } })],
  ])('refuses %s by name', (path, config) => {
    expect(() => run(config)).toThrow(`${path}: is not supported: `);
  });

  it('lets an empty configuration pass', () => expect(() => run({})).not.toThrow());
});

describe('refusalsByPlatform() of what is for Windows', () => {
  it.each<[string, IPodSandboxConfig]>([
    ['config.linux.sysctls', { linux: { sysctls: { 'net.ipv4.ip_forward': '1' } } }],
    ['config.linux.security_context.privileged', sandbox({ privileged: true })],
    ['config.linux.security_context.run_as_user', sandbox({ runAsUser: { value: 1 } })],
    ['config.linux.security_context.seccomp', sandbox({ seccomp: { localhostRef: '/p' } })],
    ['config.linux.security_context.namespace_options.pid', sandbox({ namespaceOptions: { pid: NamespaceMode.NODE } })],
    [
      'config.linux.security_context.namespace_options.userns_options',
      sandbox({ namespaceOptions: { usernsOptions: { mode: NamespaceMode.POD } } }),
    ],
  ])('refuses %s of a pod by name', (path, config) => {
    expect(() => run(config, 'windows')).toThrow(`${path}: is not supported: `);
    expect(() => run(config)).not.toThrow();
  });

  it('takes what the kubelet sends among the fields of Linux with every pod', () => {
    const namespaceOptions = { network: NamespaceMode.NODE, pid: NamespaceMode.CONTAINER };
    const linux = { cgroupParent: '/kubepods', overhead: {}, ...sandbox({ namespaceOptions, seccomp: {} }).linux };
    expect(() => run({ linux, windows: { securityContext: { hostProcess: true } } }, 'windows')).not.toThrow();
  });

  it.each<[string, IContainerConfig]>([
    ['config.linux', { linux: { resources: { cpuShares: 2 } } }],
    ['config.mounts[0].propagation', { mounts: [{ propagation: MountPropagation.PROPAGATION_BIDIRECTIONAL }] }],
    ['config.mounts[0].recursive_read_only', { mounts: [{ recursiveReadOnly: true }] }],
    ['config.mounts[0].image', { mounts: [{ image: { image: 'x' } }] }],
    ['config.mounts[0].uidMappings', { mounts: [{ uidMappings: [{ length: 1 }] }] }],
    ['config.mounts[0].mount_options', { mounts: [{ mountOptions: ['noexec'] }] }],
  ])('refuses %s of a container by name', (path, config) => {
    expect(() => create(config, 'windows')).toThrow(`${path}: is not supported: `);
    expect(() => create(config)).not.toThrow();
  });

  it('lets the fields of Windows pass', () => {
    const security = { runAsUsername: 'u', hostProcess: true };
    const windows = { resources: { cpuCount: 1, affinityCpus: [{ cpuMask: 1 }] }, securityContext: security };
    expect(() => create({ windows, linux: {}, mounts: [{ selinuxRelabel: true }] }, 'windows')).not.toThrow();
  });

  it('updates each container by the limits of its own system', () => {
    expect(() => update({ linux: { cpuShares: 2 } }, 'windows')).toThrow('linux: is not supported: ');
    expect(() => update({ windows: { cpuShares: 2 } }, 'linux')).toThrow('windows: is not supported: ');
    expect(() => update({ windows: { rootfsSizeInBytes: 2 } }, 'windows')).toThrow('windows.rootfs_size_in_bytes: ');
    expect(() => update({ windows: { cpuShares: 2 } }, 'windows')).not.toThrow();
  });
});

describe('compileRefusal()', () => {
  it('leaves what depends on the platform to who knows it', () => {
    const refuse = compileRefusal(FIELDS.CreateContainer);
    const refused = (config: IContainerConfig) => () =>
      refuse(CreateContainerRequest.decode(CreateContainerRequest.encode({ config }).finish()));
    expect(refused({ windows: { resources: { cpuCount: 1 } }, linux: { resources: { cpuShares: 1 } } })).not.toThrow();
    expect(refused({ CDIDevices: [{ name: 'x' }] })).toThrow('config.CDI_devices');
  });
});
