import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  containerdReady,
  killContainerd,
  runtimeCondition,
  runtimeReady,
  startContainerd,
} from './support/containerd.ts';
import { sh } from './support/containers.ts';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { gone } from './support/kernel.ts';
import { BUSYBOX, Pod, containerStatus, crictlJson, exited, mustCrictl } from './support/node.ts';

const UNAVAILABLE = 14;
/** How long a call waits for containerd, less than its default: see containerd_wait. */
const PATIENCE_MS = 2_000;
const TIMEOUT_MS = 120_000;
/** How often containerd is killed under load. */
const ROUNDS = process.env['DAVIT_TEST_ALL'] === '1' ? 10 : 2;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

/** The next test finds the node as it was, whatever this one has come to. */
afterEach(containerdReady);

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
