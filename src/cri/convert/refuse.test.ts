import { describe, expect, it } from 'vitest';
import { CreateContainerRequest, NamespaceMode, RunPodSandboxRequest } from '../generated/cri.js';
import type {
  IContainerConfig,
  ILinuxContainerSecurityContext,
  ILinuxSandboxSecurityContext,
  IPodSandboxConfig,
} from '../generated/cri.js';
import { FIELDS } from './fields.ts';
import { compileRefusal } from './refuse.ts';

const refuseRun = compileRefusal(FIELDS.RunPodSandbox);
const refuseCreate = compileRefusal(FIELDS.CreateContainer);

function run(config: IPodSandboxConfig): void {
  refuseRun(RunPodSandboxRequest.decode(RunPodSandboxRequest.encode({ config }).finish()));
}

function create(config: IContainerConfig): void {
  refuseCreate(CreateContainerRequest.decode(CreateContainerRequest.encode({ config }).finish()));
}

const sandbox = (securityContext: ILinuxSandboxSecurityContext): IPodSandboxConfig => ({ linux: { securityContext } });
const container = (securityContext: ILinuxContainerSecurityContext): IContainerConfig => ({
  linux: { securityContext },
});

describe('compileRefusal() of CreateContainer', () => {
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

describe('compileRefusal() of RunPodSandbox', () => {
  it.each<[string, IPodSandboxConfig]>([
    ['config.windows', { windows: { securityContext: { hostProcess: true } } }],
    ['config.linux.security_context.namespace_options.target_id', sandbox({ namespaceOptions: { targetId: 'x' } })],
  ])('refuses %s by name', (path, config) => {
    expect(() => run(config)).toThrow(`${path}: is not supported: `);
  });

  it('lets an empty configuration pass', () => expect(() => run({})).not.toThrow());
});
