import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../src/engine/fault-file.ts';
import { OPERATIONS } from '../../src/engine/ops/definitions.ts';
import { FaultNode } from './support/fault-node.ts';
import { FAULT_SCENARIOS } from './support/fault-scenarios.ts';
import type { FaultScenario } from './support/fault-scenarios.ts';
import { left } from './support/kernel.ts';
import { BUSYBOX, eventually } from './support/node.ts';
import { draw, randomOf } from './support/random.ts';

/** The whole table takes what CI has not: it is for `hack/test --all`, which has the other containerds draw as CI does. */
const ALL = process.env['DAVIT_TEST_ALL'] === '1' && (process.env['DAVIT_E2E_CONTAINERD'] ?? 'debian') === 'debian';
/** Draws CI's part; printed, so that a failure can be had again. */
const SEED = Number(process.env['DAVIT_FAULT_SEED'] ?? Date.now() % 1_000_000);
const DRAWN = 36;
/** Of a step that hangs: longer than any step takes on a busy machine, the grace period of the stops here among them. */
const HANG_DEADLINE_MS = 2_500;
const UNAVAILABLE = 14;
/** What a hung step does late is taken back behind it. */
const SETTLE_MS = 15_000;

/** What no machine of these tests can carry out. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'update-windows-container': 'needs Windows containers',
};
const HERE = OPERATIONS.filter(({ op }) => ELSEWHERE[op] === undefined);

const TABLE: readonly Fault[] = HERE.flatMap(({ op, steps }) =>
  steps.flatMap((step) =>
    (['before', 'after'] as const).flatMap((moment) =>
      (['error', 'hang', 'kill'] as const).map((action) => ({
        op,
        step,
        moment,
        action,
        deadlineMs: HANG_DEADLINE_MS,
      })),
    ),
  ),
);

let node: FaultNode;
let clean: readonly string[];

beforeAll(async () => {
  console.log(ALL ? `all ${TABLE.length} faults` : `${DRAWN} of ${TABLE.length} faults: DAVIT_FAULT_SEED=${SEED}`);
  node = await FaultNode.start();
  await node.images.call('PullImage', { image: { image: BUSYBOX } });
  // The bridge and parents of cgroups stay once they are there: they are not a pod's.
  await scenarioOf('stop-sandbox').prepare(node);
  await node.removePods();
  clean = await node.footprint();
});

afterAll(async () => await node?.[Symbol.asyncDispose]());

/** Every operation once at least, the rest as they come. */
function drawn(): readonly Fault[] {
  if (ALL) return TABLE;
  const random = randomOf(SEED);
  const first = HERE.map(({ op }) =>
    draw(
      random,
      TABLE.filter((fault) => fault.op === op),
      1,
    ),
  ).flat();
  const rest = TABLE.filter((fault) => !first.includes(fault));
  return [...first, ...draw(random, rest, DRAWN - first.length)];
}

describe('after a step that fails', () => {
  it.each(drawn())('$op, $step, $action $moment it: a retry succeeds and nothing is left', async (fault) => {
    const scenario = scenarioOf(fault.op);
    const subject = await scenario.prepare(node);
    const before = await node.footprint();
    await node.arm(fault);
    expect(await failed(scenario, subject, fault)).toMatchObject(errorOf(fault));
    expect(scenario.leavesNothing ? await moreThan(before) : []).toEqual([]);
    await again(scenario, subject, fault);
    await scenario.verify(node, subject);
    await node.removePods();
    expect(await moreThan(clean)).toEqual([]);
  });
});

function scenarioOf(op: string): FaultScenario {
  const scenario = FAULT_SCENARIOS[op];
  if (scenario === undefined) throw new Error(`support/fault-scenarios.ts has nothing for the operation ${op}`);
  return scenario;
}

type Subject = Awaited<ReturnType<FaultScenario['prepare']>>;

/** Makes the call that fails; returns its error when the fault has happened. A davitd that ended by it is there again. */
async function failed(scenario: FaultScenario, subject: Subject, fault: Fault): Promise<unknown> {
  const error = await scenario.act(node, subject).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  await node.happened(fault);
  if (fault.action === 'kill') await node.revive();
  return error;
}

/** It names the step, or is what gRPC says of a server that is gone. */
function errorOf({ action, step }: Fault): object {
  if (action === 'kill') return { code: UNAVAILABLE };
  const name = step.replaceAll('-', '[- ]');
  const message = new RegExp(action === 'hang' ? `${name} did not end within` : `${name}: injected`);
  return { message: expect.stringMatching(message) };
}

/** Once; but what still hangs may keep the first retry waiting, and the kubelet tries more than once. */
async function again(scenario: FaultScenario, subject: Subject, fault: Fault): Promise<void> {
  const retry = scenario.retry ?? scenario.act;
  if (fault.action !== 'hang') return await retry(node, subject);
  await eventually('a retry that succeeds', async () => {
    try {
      await retry(node, subject);
      return true;
    } catch (error) {
      console.log(`a retry behind the hung step: ${String(error)}`);
      return undefined;
    }
  });
}

/** What there is more than expected; what goes by itself within some seconds is nothing. */
async function moreThan(expected: readonly string[]): Promise<readonly string[]> {
  for (const end = Date.now() + SETTLE_MS; ;) {
    const more = left(expected, await node.footprint());
    if (more.length === 0 || Date.now() > end) return more;
  }
}
