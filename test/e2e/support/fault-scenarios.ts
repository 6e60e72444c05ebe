import { readFile } from 'node:fs/promises';
import type { FaultNode } from './fault-node.ts';
import { BUSYBOX, eventually } from './node.ts';

/** How an operation is met: what must be there before, the call, and what the kubelet does when the call has failed. */
export interface FaultScenario {
  /** Returns what `act` works on. */
  readonly prepare: (node: FaultNode) => Promise<Subject>;
  readonly act: (node: FaultNode, subject: Subject) => Promise<void>;
  /** Absent: the same call again. */
  readonly retry?: (node: FaultNode, subject: Subject) => Promise<void>;
  /** Throws unless the operation's promise is kept. */
  readonly verify: (node: FaultNode, subject: Subject) => Promise<void>;
  /** A failed try leaves nothing, at once: not only when its pod has been removed. */
  readonly leavesNothing: boolean;
}

interface Subject {
  readonly uid: string;
  podSandboxId: string;
  containerId: string;
}

/** Pulled, and removed, while pods run on another one. */
const OTHER_IMAGE = 'registry.k8s.io/pause:3.9';
/** What a container runs, which SIGTERM does not end: a stop comes to all of its steps. */
const PROGRAM = 'sleep 1000';
const IMAGE_VOLUME = { image: { image: BUSYBOX }, containerPath: '/vol', readonly: true };

const nothing = async (): Promise<Subject> => ({ uid: `uid-${Date.now()}`, podSandboxId: '', containerId: '' });

/** With every optional step in it: a PID namespace for the pod, sysctls. */
function podConfig(node: FaultNode, { uid }: Subject): object {
  return {
    metadata: { name: 'faulty', uid, namespace: 'default', attempt: 0 },
    logDirectory: `${node.daemon.dir}/logs/${uid}`,
    portMappings: [{ containerPort: 80, hostPort: 18_531 }],
    linux: {
      cgroupParent: node.cgroupParent,
      sysctls: { 'net.ipv4.ip_forward': '1' },
      securityContext: { namespaceOptions: { pid: 'POD' } },
    },
  };
}

function containerConfig(attempt: number): object {
  return {
    metadata: { name: 'main', attempt },
    image: { image: BUSYBOX },
    command: ['sh', '-c', `trap '' TERM; exec ${PROGRAM}`],
    logPath: `main.${attempt}.log`,
    mounts: [IMAGE_VOLUME],
    linux: { securityContext: { namespaceOptions: { pid: 'POD' } } },
  };
}

async function runPod(node: FaultNode, subject: Subject): Promise<void> {
  const reply = await node.runtime.call<{ podSandboxId: string }>('RunPodSandbox', {
    config: podConfig(node, subject),
  });
  subject.podSandboxId = reply.podSandboxId;
}

async function create(node: FaultNode, subject: Subject, attempt = 0): Promise<void> {
  const reply = await node.runtime.call<{ containerId: string }>('CreateContainer', {
    podSandboxId: subject.podSandboxId,
    config: containerConfig(attempt),
    sandboxConfig: podConfig(node, subject),
  });
  subject.containerId = reply.containerId;
}

async function start(node: FaultNode, { containerId }: Subject): Promise<void> {
  await node.runtime.call('StartContainer', { containerId });
}

async function withPod(node: FaultNode): Promise<Subject> {
  const subject = await nothing();
  await runPod(node, subject);
  return subject;
}

async function withContainer(node: FaultNode): Promise<Subject> {
  const subject = await withPod(node);
  await create(node, subject);
  return subject;
}

async function running(node: FaultNode): Promise<Subject> {
  const subject = await withContainer(node);
  await start(node, subject);
  await eventually(`${PROGRAM} in the container`, async () => ((await isItself(node, subject)) ? true : undefined));
  return subject;
}

/** The program has begun, and ignores what it is to ignore. */
async function isItself(node: FaultNode, { containerId }: Subject): Promise<boolean> {
  const { info } = await node.runtime.call<{ info: { info: string } }>('ContainerStatus', {
    containerId,
    verbose: true,
  });
  const { pid } = JSON.parse(info.info) as { pid: number };
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim() === PROGRAM;
}

async function containerState(node: FaultNode, { containerId }: Subject): Promise<string> {
  const { status } = await node.runtime.call<{ status: { state: string } }>('ContainerStatus', { containerId });
  return status.state;
}

async function podState(node: FaultNode, { podSandboxId }: Subject): Promise<string> {
  const { status } = await node.runtime.call<{ status: { state: string } }>('PodSandboxStatus', { podSandboxId });
  return status.state;
}

function demand(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${what} is ${String(actual)}, not ${String(expected)}`);
}

async function demandRunning(node: FaultNode, subject: Subject): Promise<void> {
  demand('the container', await containerState(node, subject), 'CONTAINER_RUNNING');
}

async function demandNoContainer(node: FaultNode): Promise<void> {
  const { containers } = await node.runtime.call<{ containers: unknown[] }>('ListContainers', {});
  demand('the number of containers', containers.length, 0);
}

async function imageIsThere(node: FaultNode, image: string): Promise<boolean> {
  const { image: found } = await node.images.call<{ image: unknown }>('ImageStatus', { image: { image } });
  return found !== null && found !== undefined;
}

const pullOther = async (node: FaultNode): Promise<void> =>
  void (await node.images.call('PullImage', { image: { image: OTHER_IMAGE } }));
const removeOther = async (node: FaultNode): Promise<void> =>
  void (await node.images.call('RemoveImage', { image: { image: OTHER_IMAGE } }));

export const FAULT_SCENARIOS: Readonly<Record<string, FaultScenario>> = {
  'run-sandbox': {
    prepare: nothing,
    act: runPod,
    verify: async (node, subject) => {
      demand('the pod', await podState(node, subject), 'SANDBOX_READY');
      await create(node, subject);
      await start(node, subject);
      await demandRunning(node, subject);
    },
    leavesNothing: true,
  },
  'create-container': {
    prepare: withPod,
    act: create,
    verify: async (node, subject) => {
      await start(node, subject);
      await demandRunning(node, subject);
    },
    leavesNothing: true,
  },
  'start-container': {
    prepare: withContainer,
    act: start,
    // What did not come to run is replaced by the next attempt, and collected later.
    retry: async (node, subject) => {
      if ((await containerState(node, subject)) === 'CONTAINER_RUNNING') return;
      await create(node, subject, 1);
      await start(node, subject);
    },
    verify: demandRunning,
    leavesNothing: false,
  },
  'update-container': {
    prepare: running,
    act: async (node, { containerId }) =>
      void (await node.runtime.call('UpdateContainerResources', {
        containerId,
        linux: { memoryLimitInBytes: 64 * 1024 * 1024 },
      })),
    verify: async (node, { containerId }) => {
      const { status } = await node.runtime.call<{
        status: { resources: { linux: { memoryLimitInBytes: string } } };
      }>('ContainerStatus', { containerId });
      demand('the memory limit', status.resources.linux.memoryLimitInBytes, String(64 * 1024 * 1024));
    },
    leavesNothing: true,
  },
  'open-exec': {
    prepare: running,
    act: async (node, { containerId }) => {
      const request = { containerId, cmd: ['true'], timeout: 30 };
      const { exitCode } = await node.runtime.call<{ exitCode: number }>('ExecSync', request);
      demand('the exit code', exitCode, 0);
    },
    verify: demandRunning,
    leavesNothing: true,
  },
  'stop-container': {
    prepare: running,
    act: async (node, { containerId }) => void (await node.runtime.call('StopContainer', { containerId, timeout: 1 })),
    verify: async (node, subject) => demand('the container', await containerState(node, subject), 'CONTAINER_EXITED'),
    leavesNothing: false,
  },
  'stop-sandbox': {
    prepare: running,
    act: async (node, { podSandboxId }) => void (await node.runtime.call('StopPodSandbox', { podSandboxId })),
    verify: async (node, subject) => demand('the pod', await podState(node, subject), 'SANDBOX_NOTREADY'),
    leavesNothing: false,
  },
  'remove-container': {
    prepare: running,
    act: async (node, { containerId }) => void (await node.runtime.call('RemoveContainer', { containerId })),
    verify: demandNoContainer,
    leavesNothing: false,
  },
  'remove-sandbox': {
    prepare: running,
    act: async (node, { podSandboxId }) => void (await node.runtime.call('RemovePodSandbox', { podSandboxId })),
    verify: demandNoContainer,
    leavesNothing: false,
  },
  'pull-image': {
    prepare: nothing,
    act: pullOther,
    verify: async (node) => {
      demand('the image there', await imageIsThere(node, OTHER_IMAGE), true);
      await removeOther(node);
    },
    // What came of a pull that broke off is kept for the next one.
    leavesNothing: false,
  },
  'remove-image': {
    prepare: async (node) => {
      await pullOther(node);
      return await nothing();
    },
    act: removeOther,
    verify: async (node) => demand('the image there', await imageIsThere(node, OTHER_IMAGE), false),
    leavesNothing: false,
  },
};
