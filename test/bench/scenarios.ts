import { execScenario } from './exec-scenario.ts';
import {
  containerReady,
  createContainer,
  removePod,
  runPod,
  startContainer,
  stopPod,
  type Container,
  type Pod,
} from './pods.ts';
import type { RecordTime, Samples } from './samples.ts';
import { leaveOutIfUnimplemented } from './unimplemented.ts';
import type { Scenario } from './scenario.ts';
import type { Side } from './side.ts';
import { statsScenarios } from './stats-scenarios.ts';

export interface Sizes {
  /** How often a round does its work. */
  readonly pods: number;
  readonly reads: number;
  /** Whether there is time for what takes minutes to set up. */
  readonly large: boolean;
}

const LISTED_PODS = 20;
const CONTAINERS_PER_LISTED_POD = 10;
/** Setting up the listed pods is not measured: some at once. */
const SET_UP_AT_ONCE = 5;
const PODS_AT_ONCE = 10;
const STOP_GRACE_S = 10;
const EXEC_TIMEOUT_S = 10;

export function scenarios(samples: Samples, sizes: Sizes): readonly Scenario[] {
  const pods = [hostPods(sizes), cniPods(samples, sizes), execScenario(sizes.pods), podsAtOnce(), lists(sizes)];
  return [...pods, ...statsScenarios(samples, sizes)];
}

function hostPods(sizes: Sizes): Scenario {
  return {
    name: 'pods on the host network',
    measures: ['runHost', 'stopHost', 'removeHost'],
    async round(side, record) {
      for (let turn = 0; turn < sizes.pods; turn += 1) {
        const pod = await runPod(side, 'host');
        record('runHost', pod.ms);
        record('stopHost', (await stopPod(side, pod.reply)).ms);
        record('removeHost', (await removePod(side, pod.reply)).ms);
      }
    },
  };
}

function cniPods(samples: Samples, sizes: Sizes): Scenario {
  return {
    name: 'pods with containers',
    measures: [
      'runCni',
      'create',
      'start',
      'createStart',
      'createStartNext',
      'podRunning',
      'exec',
      'stop',
      'remove',
      'stopCni',
      'removeCni',
    ],
    async round(side, record) {
      for (let turn = 0; turn < sizes.pods; turn += 1) await podLife(side, record, samples);
    },
  };
}

/** In the kubelet's order: containers are stopped before their pod, and removed before it. */
async function podLife(side: Side, record: RecordTime, samples: Samples): Promise<void> {
  const pod = await runPod(side, 'cni');
  const created = await createContainer(side, pod.reply, 'first');
  const started = await startContainer(side, created.reply);
  record('runCni', pod.ms);
  record('create', created.ms);
  record('start', started.ms);
  record('createStart', created.ms + started.ms);
  record('podRunning', pod.ms + created.ms + started.ms);

  const next = await createContainer(side, pod.reply, 'second');
  record('createStartNext', next.ms + (await startContainer(side, next.reply)).ms);

  const containers = [created.reply, next.reply];
  await Promise.all(containers.map((container) => containerReady(container)));
  await exec(side, created.reply, record, samples);
  for (const { id } of containers) {
    record('stop', (await side.client.timed('StopContainer', { containerId: id, timeout: STOP_GRACE_S })).ms);
  }
  record('stopCni', (await stopPod(side, pod.reply)).ms);
  for (const { id } of containers) {
    record('remove', (await side.client.timed('RemoveContainer', { containerId: id })).ms);
  }
  record('removeCni', (await removePod(side, pod.reply)).ms);
}

async function exec(side: Side, { id }: Container, record: RecordTime, samples: Samples): Promise<void> {
  if (samples.leftOut('exec') !== undefined) return;
  const request = { containerId: id, cmd: ['true'], timeout: EXEC_TIMEOUT_S };
  try {
    const { ms, reply } = await side.client.timed<{ exitCode: number }>('ExecSync', request);
    if (reply.exitCode !== 0) throw new Error(`ExecSync of true on ${side.name}: exit code ${reply.exitCode}`);
    record('exec', ms);
  } catch (error) {
    leaveOutIfUnimplemented(samples, 'exec', side, error);
  }
}

function podsAtOnce(): Scenario {
  return {
    name: `${PODS_AT_ONCE} pods at once`,
    measures: ['podsAtOnce', 'podsGone'],
    async round(side, record) {
      const started = performance.now();
      const pods = await Promise.all(Array.from({ length: PODS_AT_ONCE }, () => runningPod(side)));
      const running = performance.now();
      await Promise.all(
        pods.map(async (pod) => {
          await stopPod(side, pod);
          await removePod(side, pod);
        }),
      );
      record('podsAtOnce', running - started);
      record('podsGone', performance.now() - running);
    },
  };
}

async function runningPod(side: Side): Promise<Pod> {
  const { reply: pod } = await runPod(side, 'cni');
  const { reply: container } = await createContainer(side, pod, 'only');
  await startContainer(side, container);
  const { status } = await side.client.call<{ status: { state: string } }>('ContainerStatus', {
    containerId: container.id,
  });
  if (status.state !== 'CONTAINER_RUNNING') throw new Error(`a started container of ${side.name} is ${status.state}`);
  return pod;
}

function lists(sizes: Sizes): Scenario {
  const containers = LISTED_PODS * CONTAINERS_PER_LISTED_POD;
  return {
    name: `reads with ${containers} containers in ${LISTED_PODS} pods`,
    measures: ['version', 'listContainers', 'listPods', 'containerStatus', 'podStatus'],
    async setUp(side) {
      for (let made = 0; made < LISTED_PODS; made += SET_UP_AT_ONCE) {
        await Promise.all(Array.from({ length: SET_UP_AT_ONCE }, () => listedPod(side)));
      }
    },
    async round(side, record) {
      const { containers: all } = await side.client.call<{
        containers: readonly { id: string; podSandboxId: string }[];
      }>('ListContainers', {});
      if (all.length !== containers) throw new Error(`${side.name} lists ${all.length} containers, not ${containers}`);
      for (let turn = 0; turn < sizes.reads; turn += 1) {
        const one = all[(turn * CONTAINERS_PER_LISTED_POD) % all.length];
        record('version', (await side.client.timed('Version', {})).ms);
        record('listContainers', (await side.client.timed('ListContainers', {})).ms);
        record('listPods', (await side.client.timed('ListPodSandbox', {})).ms);
        record('containerStatus', (await side.client.timed('ContainerStatus', { containerId: one?.id })).ms);
        record('podStatus', (await side.client.timed('PodSandboxStatus', { podSandboxId: one?.podSandboxId })).ms);
      }
    },
  };
}

/** Created, not started: a list does not tell the difference. */
async function listedPod(side: Side): Promise<void> {
  const { reply: pod } = await runPod(side, 'host');
  for (let index = 0; index < CONTAINERS_PER_LISTED_POD; index += 1) {
    await createContainer(side, pod, `container-${index}`, 'host');
  }
}
