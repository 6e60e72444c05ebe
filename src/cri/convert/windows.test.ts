import Long from 'long';
import { describe, expect, it } from 'vitest';
import { aContainer, aSandbox } from '../fake-engine.ts';
import { CreateContainerRequest, NamespaceMode, RunPodSandboxRequest } from '../generated/cri.js';
import type { IContainerConfig, IPodSandboxConfig } from '../generated/cri.js';
import { fromContainerStatus } from './container-status.ts';
import { toContainerSpec } from './container.ts';
import { fromSandboxStatus } from './sandbox-status.ts';
import { toSandboxSpec } from './sandbox.ts';
import { fromWindowsResources, toWindowsUpdate } from './windows.ts';

const metadata = { name: 'web', uid: 'u', namespace: 'n', attempt: 0 };

function sandbox(config: IPodSandboxConfig) {
  const bytes = RunPodSandboxRequest.encode({ config: { metadata, ...config } }).finish();
  return toSandboxSpec(RunPodSandboxRequest.decode(bytes), 'windows');
}

function container(config: IContainerConfig, hostProcess = false) {
  const bytes = CreateContainerRequest.encode({
    config: { metadata: { name: 'c' }, image: { image: 'a' }, ...config },
  }).finish();
  const pod = sandbox({ windows: { securityContext: { hostProcess } } });
  return toContainerSpec(CreateContainerRequest.decode(bytes), pod);
}

describe('toSandboxSpec() for Windows', () => {
  it('has a network of its own and nothing of Linux', () => {
    const spec = sandbox({
      hostname: 'web-0',
      windows: { securityContext: { runAsUsername: 'CORP\\web', credentialSpec: '{}' } },
      linux: { cgroupParent: '/kubepods', overhead: { memoryLimitInBytes: 5 } },
    });
    expect(spec).toMatchObject({
      hostname: 'web-0',
      namespaces: { network: 'pod', pid: 'pod', ipc: 'node' },
      windows: { runAsUsername: 'CORP\\web', credentialSpec: '{}', hostProcess: false },
      overhead: { memoryLimitBytes: 5 },
      sysctls: {},
      privileged: false,
    });
    expect(spec).not.toHaveProperty('cgroupParent');
  });

  it("puts processes of the node on the node's network", () => {
    const linux = { securityContext: { namespaceOptions: { network: NamespaceMode.NODE } } };
    const spec = sandbox({ linux, windows: { securityContext: { hostProcess: true } } });
    expect(spec.namespaces.network).toBe('node');
  });

  it.each<[IPodSandboxConfig, string]>([
    [
      { linux: { securityContext: { namespaceOptions: { network: NamespaceMode.NODE } } } },
      'config.linux.security_context.namespace_options.network: is NODE',
    ],
    [
      { windows: { securityContext: { namespaceOptions: { network: NamespaceMode.NODE } } } },
      'config.windows.security_context.namespace_options.network: is NODE',
    ],
    [
      { windows: { securityContext: { credentialSpec: '{' } } },
      'config.windows.security_context.credential_spec: is not',
    ],
    [
      { windows: { securityContext: { runAsUsername: 'a\nb' } } },
      'config.windows.security_context.run_as_username: has',
    ],
  ])('refuses %j', (config, message) => {
    expect(() => sandbox(config)).toThrow(message);
  });
});

describe('toContainerSpec() for Windows', () => {
  it('takes paths and devices as Windows has them', () => {
    const spec = container(
      {
        workingDir: 'C:\\app',
        mounts: [{ hostPath: '\\\\.\\pipe\\x', containerPath: '\\\\.\\pipe\\x', readonly: true }],
        devices: [{ hostPath: 'class/5B45201D' }],
        windows: {
          securityContext: { runAsUsername: 'ContainerAdministrator', hostProcess: true },
          resources: {
            cpuMaximum: 100,
            memoryLimitInBytes: 5,
            rootfsSizeInBytes: 6,
            affinityCpus: [{ cpuMask: Long.MAX_UNSIGNED_VALUE, cpuGroup: 1 }],
          },
        },
      },
      true,
    );
    expect(spec).toMatchObject({
      workingDir: 'C:\\app',
      mounts: [{ hostPath: '\\\\.\\pipe\\x', containerPath: '\\\\.\\pipe\\x', readonly: true }],
      devices: [{ hostPath: 'class/5B45201D', containerPath: '', permissions: '' }],
      resources: {},
      windows: {
        runAsUsername: 'ContainerAdministrator',
        hostProcess: true,
        resources: {
          cpuMaximum: 100,
          memoryLimitBytes: 5,
          rootfsSizeBytes: 6,
          affinityCpus: [{ mask: '18446744073709551615', group: 1 }],
        },
      },
    });
  });

  it('is for Windows where the request says nothing of it', () => {
    expect(container({}).windows).toEqual({ hostProcess: false, resources: {} });
  });

  it.each<[IContainerConfig, string]>([
    [
      { windows: { resources: { cpuMaximum: 10_001 } } },
      'config.windows.resources.cpu_maximum: must be from 1 to 10000',
    ],
    [{ windows: { resources: { cpuShares: -1 } } }, 'config.windows.resources.cpu_shares: must be from 1'],
    [{ windows: { resources: { affinityCpus: [{ cpuGroup: 1 }] } } }, 'affinity_cpus[0].cpu_mask: names no processor'],
    [{ mounts: [{ containerPath: 'C:\\x' }] }, 'config.mounts[0].host_path: is required'],
  ])('refuses %j', (config, message) => {
    expect(() => container(config)).toThrow(message);
  });
});

describe('the status of what is for Windows', () => {
  it('shows the limits of Windows, and no user by number', () => {
    const windowsResources = { cpuCount: 2, affinityCpus: [{ mask: '18446744073709551615', group: 0 }] };
    const status = fromContainerStatus(aContainer(1, { windowsResources }));
    expect(status).not.toHaveProperty('user');
    expect(status.resources).toMatchObject({ windows: { cpuCount: Long.fromNumber(2) } });
    expect(fromWindowsResources(windowsResources).affinityCpus?.[0]?.cpuMask?.toString()).toBe('18446744073709551615');
  });

  it('shows no namespaces of Linux', () => {
    const pod = aSandbox(1);
    expect(fromSandboxStatus(pod)).toHaveProperty('linux');
    const windows = { ...pod, spec: { ...pod.spec, windows: { hostProcess: false } } };
    expect(fromSandboxStatus(windows)).not.toHaveProperty('linux');
  });
});

describe('toWindowsUpdate()', () => {
  it('sets nothing where nothing is asked for', () => {
    expect(toWindowsUpdate('windows', null)).toEqual({});
  });
});
