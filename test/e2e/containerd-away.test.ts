import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { killContainerd, killShim, shimOf, startContainerd } from './support/containerd.ts';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { isAlive } from './support/daemon.ts';
import { tracesOf } from './support/kernel.ts';
import { BUSYBOX, Pod, containerStatus, crictlJson, eventually, exited, mustCrictl } from './support/node.ts';

const UNAVAILABLE = 14;
/** How long a call waits for containerd, less than its default: see containerd_wait. */
const PATIENCE_MS = 2_000;
const TIMEOUT_MS = 120_000;
/** How often containerd is killed under load. */
const ROUNDS = process.env['DAVIT_TEST_ALL'] === '1' ? 10 : 2;

const sh = (script: string): { command: string[] } => ({ command: ['sh', '-c', script] });

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

/** The next test finds the node as it was, whatever this one has come to. */
afterEach(async () => {
  await startContainerd();
  await runtimeReady();
});

async function runtimeReady(): Promise<void> {
  await eventually('RuntimeReady', async () => ((await runtimeCondition()).status ? true : undefined));
}

async function runtimeCondition(): Promise<{ status: boolean; reason: string; message: string }> {
  const { status } = await crictlJson<{ status: { conditions: Condition[] } }>('info');
  const condition = status.conditions.find(({ type }) => type === 'RuntimeReady');
  if (condition === undefined) throw new Error('Status has no RuntimeReady');
  return condition;
}

interface Condition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

/** Waits until nothing is left of pods and containers. */
async function gone(ids: readonly string[]): Promise<void> {
  let traces: readonly string[] = [];
  await eventually('nothing left', async () => {
    traces = await tracesOf(ids);
    return traces.length === 0 ? true : undefined;
  }).catch((error: unknown) => {
    throw new Error(`left: ${traces.join(', ')}`, { cause: error });
  });
}

async function pidOf(id: string): Promise<number> {
  return (await crictlJson<{ info: { pid: number } }>('inspect', id)).info.pid;
}

describe('while containerd is away', { timeout: TIMEOUT_MS }, () => {
  it('exits are learnt at once from the shims, with code and time, and outlive its return', async () => {
    await using pod = await Pod.run('exits');
    const ending = await pod.start('ending', sh('sleep 3; date +%s; exit 7'));
    const staying = await pod.start('staying', sh('trap "exit 9" TERM; while :; do sleep 1; done'));
    await killContainerd();
    expect(await runtimeCondition()).toMatchObject({ status: false, reason: 'ContainerdUnavailable' });
    const status = await exited(ending);
    expect(status).toMatchObject({ exitCode: 7, reason: 'Error' });
    expect(await mustCrictl('ps', '-q')).toContain(staying);
    await mustCrictl('stop', '--timeout', '10', staying);
    expect(await containerStatus(staying)).toMatchObject({ state: 'CONTAINER_EXITED', exitCode: 9 });
    await startContainerd();
    await runtimeReady();
    expect(await containerStatus(ending)).toEqual(status);
    const [line] = await pod.log('ending');
    const ownEnd = Number(line?.text);
    expect(Date.parse(status.finishedAt) / 1000).toBeGreaterThanOrEqual(ownEnd);
    // Its own stamp is whole seconds, taken right before its end.
    expect(Date.parse(status.finishedAt) / 1000).toBeLessThan(ownEnd + 3);
  });

  it('calls that need it wait for it, or say by their deadline that it is what they wait for', async () => {
    await using pod = await Pod.run('waiting');
    const before = await pod.start('before');
    using cri = connectCri();
    await killContainerd();
    const refused = cri.call('CreateContainer', createRequest(pod, 'refused'), { deadlineMs: PATIENCE_MS });
    await expect(refused).rejects.toMatchObject({
      code: UNAVAILABLE,
      details: expect.stringMatching(/^containerd at \/\S+ does not answer/),
    });
    const waiting = cri.call<{ containerId: string }>('CreateContainer', createRequest(pod, 'waiting'));
    expect((await crictlJson<{ info: { pid: number } }>('inspect', before)).info.pid).toBeGreaterThan(0);
    expect(JSON.parse(await mustCrictl('images', '-o', 'json'))).toMatchObject({ images: expect.anything() });
    await startContainerd();
    const { containerId } = await waiting;
    await cri.startContainer(containerId);
    expect((await containerStatus(containerId)).state).toBe('CONTAINER_RUNNING');
  });

  it(`no exit is missed under load, though it is killed ${ROUNDS} times`, async () => {
    const ids: string[] = [];
    {
      await using one = await Pod.run('load-1');
      await using two = await Pod.run('load-2');
      await using three = await Pod.run('load-3');
      ids.push(one.id, two.id, three.id);
      using cri = connectCri();
      const stop = new AbortController();
      const churning = [one, two, three].map((pod, index) => churn(cri, pod, index, stop.signal));
      for (let round = 0; round < ROUNDS; round++) {
        await sleep(1_000);
        await killContainerd();
        await sleep(1_000);
        await startContainerd();
        await runtimeReady();
      }
      stop.abort();
      const results = (await Promise.all(churning)).flat();
      expect(results.length).toBeGreaterThan(5);
      expect(results.filter(({ got, expected }) => got !== expected)).toEqual([]);
    }
    await gone(ids);
  });
});

function createRequest(pod: Pod, name: string, command: readonly string[] = ['sleep', '1000']): object {
  return {
    podSandboxId: pod.id,
    config: { metadata: { name }, image: { image: BUSYBOX }, command, logPath: `${name}.log` },
    sandboxConfig: {},
  };
}

interface Ended {
  readonly got: string;
  readonly expected: string;
}

/** Runs short containers one after the other until the signal aborts; what was started must end with its own code. */
async function churn(cri: CriClient, pod: Pod, index: number, signal: AbortSignal): Promise<readonly Ended[]> {
  const ended: Ended[] = [];
  for (let round = 0; !signal.aborted; round++) {
    const code = 1 + ((index * 50 + round) % 100);
    const name = `c-${randomUUID()}`;
    const request = createRequest(pod, name, ['sh', '-c', `sleep 0.${round % 10}; exit ${code}`]);
    const { containerId } = await retried(() => cri.call<{ containerId: string }>('CreateContainer', request));
    const started = await cri.startContainer(containerId).then(
      () => true,
      () => false,
    );
    if (!started) continue; // containerd was killed in the middle of it; the start has failed, and says so
    const status = await cri.exited(containerId);
    await retried(() => cri.removeContainer(containerId));
    ended.push({ got: `${status.exitCode} ${status.reason}`, expected: `${code} Error` });
  }
  return ended;
}

async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === 10) throw error;
      await sleep(500);
    }
  }
}

const ownPids = { linux: { security_context: { namespace_options: { pid: 1 } } } };
const sharedPids = { linux: { security_context: { namespace_options: { pid: 0 } } } };
async function nextRuns(pod: Pod): Promise<void> {
  const next = await pod.start('next', sh('exit 4'));
  expect(await exited(next)).toMatchObject({ exitCode: 4 });
}
async function nextIsRefused(pod: Pod): Promise<void> {
  await eventually('the pod to be not ready', async () =>
    (await mustCrictl('inspectp', pod.id)).includes('SANDBOX_NOTREADY') ? true : undefined,
  );
  await expect(pod.create('next')).rejects.toThrow('must be ready');
}

describe("a pod's shim that is killed", { timeout: TIMEOUT_MS }, () => {
  it.each([
    ['the pod goes on', ownPids, nextRuns],
    ['a pod whose PID namespace it held ends, too', sharedPids, nextIsRefused],
  ])('takes its containers along, and leaves nothing when they are removed; %s', async (_what, options, then) => {
    const ids: string[] = [];
    {
      await using pod = await Pod.run('shimless', options);
      const first = await pod.start('first', sh('sleep 1000 & sleep 1000'));
      const second = await pod.start('second');
      ids.push(pod.id, first, second);
      const pids = [await pidOf(first), await pidOf(second)];
      await killShim(await shimOf(pids[0] ?? 0));
      for (const id of [first, second]) {
        const status = await exited(id);
        // Whether the process was seen running without its shim, or containerd was faster in killing it.
        expect(['137 ShimDied', '255 ExitStatusUnknown']).toContain(`${status.exitCode} ${status.reason}`);
        expect(status.message).not.toBe('');
      }
      for (const pid of pids)
        await eventually(`the end of process ${pid}`, async () => ((await isAlive(pid)) ? undefined : true));
      await then(pod);
      await mustCrictl('rm', first);
    }
    await gone(ids);
  });

  it('while containerd is away is noticed, and what it ran is killed', async () => {
    const ids: string[] = [];
    {
      await using pod = await Pod.run('both-gone');
      const id = await pod.start('main', sh('sleep 1000 & sleep 1000'));
      ids.push(pod.id, id);
      const pid = await pidOf(id);
      await killContainerd();
      await killShim(await shimOf(pid));
      expect(await exited(id)).toMatchObject({ exitCode: 137, reason: 'ShimDied' });
      await eventually(`the end of process ${pid}`, async () => ((await isAlive(pid)) ? undefined : true));
      await startContainerd();
      await runtimeReady();
    }
    await gone(ids);
  });
});
