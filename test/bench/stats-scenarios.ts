import { setTimeout as sleep } from 'node:timers/promises';
import type { MeasureKey } from './measures.ts';
import { createContainer, runPod, startContainer } from './pods.ts';
import type { Network } from './pods.ts';
import { cpuMs } from './process-time.ts';
import type { RecordTime, Samples } from './samples.ts';
import type { Scenario } from './scenario.ts';
import type { Side } from './side.ts';
import { leaveOutIfUnimplemented } from './unimplemented.ts';

const PODS = 20;
const CONTAINERS_PER_POD = 50;
const RESTING_PODS = 100;
/** Two of davit's looks at everything; the peer looks more often. */
const REST_MS = 20_000;
const SET_UP_AT_ONCE = 5;

export interface StatsSizes {
  readonly reads: number;
  readonly large: boolean;
}

/** What statistics cost, to read and to have; it takes minutes to set up. */
export function statsScenarios(samples: Samples, sizes: StatsSizes): readonly Scenario[] {
  const scenarios = [reads(samples, sizes), rest(samples)];
  if (sizes.large) return scenarios;
  for (const { measures } of scenarios)
    for (const key of measures) samples.leaveOut(key, 'it takes too long for --short');
  return [];
}

const READS: readonly (readonly [MeasureKey, string])[] = [
  ['podStats', 'ListPodSandboxStats'],
  ['podMetrics', 'ListPodSandboxMetrics'],
];

function reads(samples: Samples, sizes: StatsSizes): Scenario {
  return {
    name: `statistics of ${PODS * CONTAINERS_PER_POD} running containers in ${PODS} pods`,
    measures: READS.map(([key]) => key),
    setUp: (side) => running(side, PODS, CONTAINERS_PER_POD, 'host'),
    async round(side, record) {
      for (let turn = 0; turn < sizes.reads; turn += 1) {
        for (const [key, method] of READS) await timed(samples, side, record, key, method);
      }
    },
  };
}

async function timed(samples: Samples, side: Side, record: RecordTime, key: MeasureKey, method: string): Promise<void> {
  if (samples.leftOut(key) !== undefined) return;
  try {
    record(key, (await side.client.timed(method, {})).ms);
  } catch (error) {
    leaveOutIfUnimplemented(samples, key, side, error);
  }
}

/** Nobody asks for anything: what is left is the look-out for changes, and statistics. */
function rest(samples: Samples): Scenario {
  return {
    name: `${RESTING_PODS} pods at rest`,
    measures: ['atRest'],
    setUp: (side) => running(side, RESTING_PODS, 1, 'cni'),
    async round({ name, pid }, record) {
      if (pid === undefined) return samples.leaveOut('atRest', `nobody has told the process of ${name}`);
      const began = await cpuMs(pid);
      const started = performance.now();
      await sleep(REST_MS);
      const seconds = (performance.now() - started) / 1000;
      record('atRest', ((await cpuMs(pid)) - began) / seconds);
    },
  };
}

async function running(side: Side, pods: number, containers: number, network: Network): Promise<void> {
  let left = pods;
  const maker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { reply: pod } = await runPod(side, network);
      for (let index = 0; index < containers; index += 1) {
        const { reply: container } = await createContainer(side, pod, `container-${index}`, network);
        await startContainer(side, container);
      }
    }
  };
  await Promise.all(Array.from({ length: SET_UP_AT_ONCE }, maker));
}
