import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { execTraces, noExecTraces } from './support/exec-traces.ts';
import { BUSYBOX, Pod, containerStatus, eventually, mustCrictl } from './support/node.ts';
import { StreamClient } from './support/stream-client.ts';
import { davitPids, usageOf } from './support/usage.ts';

const MIB = 1024 * 1024;
/** The longer form is hack/test --all's. */
const IS_LONG = process.env['DAVIT_TEST_ALL'] === '1';
const FAILING_EXECS = IS_LONG ? 10_000 : 300;
const ATTACHES = 1_000;
/**
 * First of all, caches, compiled code and heaps grow to what they need: by some 80 MB, most of them pages that V8 keeps for
 * its next young objects. After a thousand sessions that is over: what davitd's objects take does not grow at all then,
 * and its resident memory by 2 MB from there to 10,000. The shorter form looks while it grows.
 */
const WARM_UP = IS_LONG ? 2_500 : 100;
/** A leak of 3 KB for each of 10,000 fails the longer form. */
const GROWTH_MAX_BYTES = (IS_LONG ? 24 : 64) * MIB;
const AT_ONCE = 8;
const SETTLED_WITHIN_MS = 60_000;

let pod: Pod;
let cri: CriClient;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
  pod = await Pod.run('streaming-leaks', { linux: { security_context: { namespace_options: { pid: 1 } } } });
  cri = connectCri();
});

afterAll(async () => {
  cri[Symbol.dispose]();
  await pod[Symbol.asyncDispose]();
});

/** Does the work so often, some at once. */
async function often(times: number, work: (turn: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < times) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Descriptors of davitd and of its pump. */
async function descriptors(): Promise<readonly (readonly string[])[]> {
  const usages = await Promise.all((await davitPids()).map(usageOf));
  return usages.map((usage) => usage.descriptors);
}

async function residentBytes(): Promise<readonly number[]> {
  return (await Promise.all((await davitPids()).map(usageOf))).map((usage) => usage.residentBytes);
}

/** Does the work some times, then often, and looks whether davitd and pump are then as they were before. */
async function leavesNothing(times: number, work: (turn: number) => Promise<void>): Promise<void> {
  await often(WARM_UP, work);
  const before = { descriptors: await settledDescriptors(), bytes: await residentBytes() };
  await often(times, work);
  await eventually(
    `descriptors as before: ${JSON.stringify(before.descriptors)}`,
    async () => (JSON.stringify(await descriptors()) === JSON.stringify(before.descriptors) ? true : undefined),
    SETTLED_WITHIN_MS,
  );
  const growth = (await residentBytes()).map((bytes, index) => bytes - (before.bytes[index] ?? 0));
  expect(Math.max(...growth)).toBeLessThan(GROWTH_MAX_BYTES);
}

/** Connections of clients that have gone are closed a moment later. */
async function settledDescriptors(): Promise<readonly (readonly string[])[]> {
  let last = JSON.stringify(await descriptors());
  return await eventually('descriptors that stay the same', async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const now = await descriptors();
    if (JSON.stringify(now) === last) return now;
    last = JSON.stringify(now);
    return undefined;
  });
}

describe('davitd and its pump stay as they are', () => {
  it(`after ${FAILING_EXECS} execs that fail, by ExecSync and by stream`, { timeout: 1_800_000 }, async () => {
    const container = await pod.start('execs');
    const fail = async (turn: number): Promise<string> => {
      if (turn % 2 === 0) {
        const request = { containerId: container, cmd: ['no-such-command'], timeout: 10 };
        return await cri.call('ExecSync', request).then(() => 'done', messageOf);
      }
      const client = await StreamClient.exec(cri, container, ['no-such-command']);
      return (await client.ended()).message ?? 'done';
    };
    await leavesNothing(FAILING_EXECS, async (turn) => {
      const problem = await fail(turn);
      if (!problem.includes('"no-such-command": executable file not found')) throw new Error(problem);
    });
    await noExecTraces(container);
    expect(await containerStatus(container)).toMatchObject({ state: 'CONTAINER_RUNNING' });
  });

  it(`after ${ATTACHES} clients that attach and vanish`, { timeout: 300_000 }, async () => {
    const container = await pod.start('attaches', { command: ['sleep', '1000'], stdin: true });
    await leavesNothing(ATTACHES, async () => {
      const client = await StreamClient.attach(cri, container);
      client.type('nobody reads this\n');
      await client.vanish();
    });
    expect(await execTraces(container)).toEqual([]);
    expect(await containerStatus(container)).toMatchObject({ state: 'CONTAINER_RUNNING' });
  });
});
