import { CAPABILITIES, DEFAULT_CAPABILITIES } from '../../../capability-names.ts';
import type { HostFacts } from '../../host/index.ts';
import { containerSecurity, containerSpec } from '../../store/test-records.ts';
import type { ContainerSecurity, ContainerSpec, ImageConfig } from '../../types/index.ts';
import type { ContainerSpecInput } from './container-spec.ts';

/** Inputs for tests: a plain container of a plain pod on a v2 node that can do everything. Each call makes them anew. */

export function hostFacts(more: Partial<HostFacts> = {}): HostFacts {
  return {
    process: { boundingCapabilities: [...CAPABILITIES], effectiveCapabilities: [...CAPABILITIES], oomScoreAdj: 0 },
    cgroup: { mode: 'v2', hierarchies: [{ version: 2, mountPoint: '/sys/fs/cgroup', controllers: ['cpu', 'memory'] }] },
    systemd: false,
    cgroupDriver: 'cgroupfs',
    swapLimit: true,
    apparmor: false,
    seccomp: true,
    hugepageSizes: ['2MB', '1GB'],
    kernelVersion: '6.1.0',
    arch: 'x64',
    cpuCount: 2,
    ...more,
  };
}

export function imageConfig(more: Partial<ImageConfig> = {}): ImageConfig {
  return {
    entrypoint: ['/entry'],
    cmd: ['serve'],
    env: ['LANG=C'],
    workingDir: '',
    user: '',
    stopSignal: '',
    volumes: [],
    labels: {},
    ...more,
  };
}

export function security(more: Partial<ContainerSecurity> = {}): ContainerSecurity {
  return containerSecurity({
    maskedPaths: ['/proc/kcore'],
    readonlyPaths: ['/proc/sys'],
    apparmor: { kind: 'runtime-default' },
    ...more,
  });
}

export function containerRequest(more: Partial<ContainerSpec> = {}): ContainerSpec {
  return containerSpec({
    metadata: { name: 'web', attempt: 0 },
    image: { image: 'registry.example/web:1', annotations: {} },
    security: security(),
    ...more,
  });
}

export function specInput(more: Partial<ContainerSpecInput> = {}): ContainerSpecInput {
  return {
    spec: containerRequest(),
    image: { name: 'registry.example/web:1', config: imageConfig() },
    sandbox: {
      id: 'pod1',
      metadata: { name: 'web-0', uid: 'u1', namespace: 'shop', attempt: 0 },
      annotations: {},
      hostname: 'web-0',
      privileged: false,
      namespaces: { network: '/run/ns/net', ipc: '/run/ns/ipc', uts: '/run/ns/uts' },
      files: {
        resolvConf: '/run/pod1/resolv.conf',
        hosts: '/run/pod1/hosts',
        hostname: '/run/pod1/hostname',
        shm: '/run/pod1/shm',
      },
    },
    user: { uid: 1000, gid: 1000, supplementalGroups: [1000, 50_000] },
    host: hostFacts(),
    handler: {
      defaultAnnotations: {},
      podAnnotations: [],
      containerAnnotations: [],
      privilegedWithoutHostDevices: false,
      cgroupWritable: false,
    },
    defaults: {
      env: [],
      ulimits: {},
      deviceOwnership: false,
      unsetSeccomp: 'unconfined',
      privilegedSeccompProfile: 'unconfined',
      defaultCapabilities: DEFAULT_CAPABILITIES,
      inheritableCapabilities: false,
    },
    cgroupsPath: '/davit/pod1/c1',
    mounts: [],
    volumes: [],
    devices: [],
    additionalDevices: [],
    hostDevices: [],
    profiles: {},
    ...more,
  };
}
