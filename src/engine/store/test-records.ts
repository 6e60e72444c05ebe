import { newContainerId, newSandboxId } from '../ids.ts';
import type { ContainerRecord, SandboxRecord } from './index.ts';
import type { ContainerSecurity, ContainerSpec, SandboxSpec } from '../types/index.ts';

/** Plain specs and records for tests; each overridden in what the test is about. */
export function sandboxSpec(overrides: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    metadata: { name: 'pod', uid: 'uid-1', namespace: 'default', attempt: 0 },
    portMappings: [],
    labels: {},
    annotations: {},
    handler: '',
    sysctls: {},
    namespaces: { network: 'pod', pid: 'container', ipc: 'pod' },
    privileged: false,
    security: {
      supplementalGroups: [],
      readonlyRootfs: false,
      seccomp: { kind: 'unconfined' },
      apparmor: { kind: 'runtime-default' },
    },
    ...overrides,
  };
}

export function containerSecurity(overrides: Partial<ContainerSecurity> = {}): ContainerSecurity {
  return {
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
    seccomp: { kind: 'unconfined' },
    apparmor: { kind: 'unconfined' },
    ...overrides,
  };
}

export function containerSpec(overrides: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    metadata: { name: 'main', attempt: 0 },
    image: { image: 'docker.io/library/busybox:latest', annotations: {} },
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
    security: containerSecurity(),
    resources: {},
    ...overrides,
  };
}

export function sandboxRecord(overrides: Partial<SandboxRecord> = {}): SandboxRecord {
  return {
    id: newSandboxId(),
    spec: sandboxSpec(),
    createdAt: 1n,
    state: { phase: 'ready' },
    namespaces: {},
    configHash: 'hash',
    handlerName: 'runc',
    cgroupParent: '/davit/pod',
    networkRequested: true,
    ...overrides,
  };
}

export function containerRecord(overrides: Partial<ContainerRecord> = {}): ContainerRecord {
  const id = newContainerId();
  return {
    id,
    sandboxId: newSandboxId(),
    spec: containerSpec(),
    createdAt: 1n,
    state: { phase: 'created' },
    imageId: `sha256:${'0'.repeat(64)}`,
    imageRef: 'busybox@sha256:0',
    user: { uid: 0, gid: 0, supplementalGroups: [] },
    stopSignal: 'SIGTERM',
    resources: {},
    snapshotter: 'overlayfs',
    snapshotKey: id,
    runtimeType: 'io.containerd.runc.v2',
    configHash: 'hash',
    handlerName: 'runc',
    cgroupPath: `/davit/pod/${id}`,
    ...overrides,
  };
}
