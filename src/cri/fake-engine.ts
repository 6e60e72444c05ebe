import { EngineError } from '../engine/index.ts';
import type { Container, ContainerId, Engine, Image, Sandbox, SandboxId } from '../engine/index.ts';
import type { StreamingUrls } from './streams.ts';

/** Sandboxes, containers and images for tests, and an engine that holds some. `n` tells one from another. */

const BASE_TIME = 1_760_000_000_000_000_000n;

export function aSandboxId(n: number): SandboxId {
  return n.toString(16).padStart(64, '5') as SandboxId;
}

export function aContainerId(n: number): ContainerId {
  return n.toString(16).padStart(64, 'c') as ContainerId;
}

export function anImageId(n: number): string {
  return `sha256:${n.toString(16).padStart(64, '1')}`;
}

export function aSandbox(n: number, change: Partial<Sandbox> = {}): Sandbox {
  return Object.freeze({
    id: aSandboxId(n),
    spec: {
      metadata: { name: `pod-${n}`, uid: `uid-${n}`, namespace: 'default', attempt: 0 },
      portMappings: [],
      labels: { 'io.kubernetes.pod.uid': `uid-${n}` },
      annotations: { note: 'a' },
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
    },
    createdAt: BASE_TIME + BigInt(n),
    state: { phase: 'ready' },
    namespaces: {},
    ...change,
  } satisfies Sandbox);
}

export function aContainer(n: number, change: Partial<Container> = {}): Container {
  return Object.freeze({
    id: aContainerId(n),
    sandboxId: aSandboxId(1),
    spec: {
      metadata: { name: `container-${n}`, attempt: 0 },
      image: { image: 'registry.k8s.io/pause:3.10', annotations: {} },
      command: [],
      args: [],
      env: [],
      mounts: [],
      devices: [],
      labels: { 'io.kubernetes.container.name': `container-${n}` },
      annotations: {},
      stdin: false,
      stdinOnce: false,
      tty: false,
      resources: {},
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
        seccomp: { kind: 'unconfined' },
        apparmor: { kind: 'unconfined' },
      },
    },
    createdAt: BASE_TIME + BigInt(n),
    state: { phase: 'created' },
    imageId: anImageId(1),
    imageRef: `registry.k8s.io/pause@${anImageId(2)}`,
    user: { uid: 0, gid: 0, supplementalGroups: [] },
    stopSignal: 'SIGTERM',
    resources: {},
    snapshotter: 'overlayfs',
    snapshotKey: `key-${n}`,
    runtimeType: 'io.containerd.runc.v2',
    ...change,
  } satisfies Container);
}

export function anImage(n: number, change: Partial<Image> = {}): Image {
  return Object.freeze({
    id: anImageId(n),
    repoTags: [`registry.k8s.io/image-${n}:1`],
    repoDigests: [`registry.k8s.io/image-${n}@${anImageId(n + 1000)}`],
    sizeBytes: 1000 + n,
    user: {},
    pinned: false,
    config: {
      entrypoint: [],
      cmd: ['/pause'],
      env: [],
      workingDir: '',
      user: '',
      stopSignal: '',
      volumes: [],
      labels: {},
    },
    chainId: anImageId(n + 2000),
    ...change,
  } satisfies Image);
}

/** An engine whose every verb is not found or refuses; a test puts its own verbs in. */
export function fakeEngine(verbs: Partial<Engine> = {}): Engine {
  return {
    runSandbox: absent('runSandbox'),
    stopSandbox: absent('stopSandbox'),
    removeSandbox: absent('removeSandbox'),
    updateSandbox: absent('updateSandbox'),
    getSandbox: absent('getSandbox'),
    listSandboxes: () => [],
    inspectSandbox: absent('inspectSandbox'),
    connectPort: absent('connectPort'),
    createContainer: absent('createContainer'),
    startContainer: absent('startContainer'),
    stopContainer: absent('stopContainer'),
    removeContainer: absent('removeContainer'),
    updateContainer: absent('updateContainer'),
    updateWindowsContainer: absent('updateWindowsContainer'),
    getContainer: absent('getContainer'),
    listContainers: () => [],
    inspectContainer: absent('inspectContainer'),
    attachContainer: absent('attachContainer'),
    reopenContainerLog: absent('reopenContainerLog'),
    execSync: absent('execSync'),
    openExec: absent('openExec'),
    containerStats: absent('containerStats'),
    listContainerStats: () => Promise.resolve([]),
    sandboxStats: absent('sandboxStats'),
    listSandboxStats: () => Promise.resolve([]),
    podStatus: (id) => ({ sandbox: (verbs.getSandbox ?? absent('podStatus'))(id), containers: [], time: BASE_TIME }),
    podEvents: absent('podEvents'),
    events: () => ({ completeSince: 0n, events: [] }),
    followEvents: absent('followEvents'),
    pullImage: absent('pullImage'),
    getImage: () => undefined,
    listImages: () => [],
    removeImage: absent('removeImage'),
    imageFsInfo: () => ({ imageFilesystems: [], containerFilesystems: [] }),
    imageWork: () => [],
    status: () => ({
      conditions: [],
      handlers: [],
      supplementalGroupsPolicy: false,
      userNamespacesHostNetwork: false,
      mountOptions: false,
    }),
    handlerPlatform: () => 'linux',
    cgroupDriver: () => 'cgroupfs',
    outputStatus: () => Promise.reject(new Error('no pump')),
    outputHealth: () => ({ silentMs: 0, replacements: 0 }),
    containerdIsReachable: () => true,
    containerdVersion: () => '',
    setPodCidrs: absent('setPodCidrs'),
    info: () => ({}),
    ready: () => Promise.resolve(),
    isReady: () => true,
    ...verbs,
  };
}

function absent(verb: string): () => never {
  return () => {
    throw new EngineError('unimplemented', `this test's engine has no ${verb}`);
  };
}

/** URLs that tell what they were made from. */
export const FAKE_URLS: StreamingUrls = {
  getExec: ({ containerId, cmd }) => `http://fake/exec/${containerId}/${cmd.join(' ')}`,
  getAttach: ({ containerId }) => `http://fake/attach/${containerId}`,
  getPortForward: ({ sandboxId }) => `http://fake/portforward/${sandboxId}`,
};
