import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { BARE } from './support/containers.ts';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { processesOf } from './support/daemon.ts';
import { BUSYBOX, eventually, mustCrictl, nodeEnv, Pod } from './support/node.ts';
import { timed } from './support/timed.ts';

/** What CI has no time for is asked for by `hack/test --all`. */
const ALL = process.env['DAVIT_TEST_ALL'] === '1';
const STOPS = ALL ? 200 : 40;
const CREATES = 50;
const LISTS = 10_000;
const LIST = '/runtime.v1.RuntimeService/ListContainers';
const FLOOD = fileURLToPath(new URL('support/flood.ts', import.meta.url));
/** More than the places that the node's work has, so that none would be left if they were held. */
const HUNG_SHIMS = 10;
const LONG_SECONDS = 600;
const LONG_MS = ALL ? 1_200_000 : 180_000;
const DEADLINE_MS = LONG_MS;
const STUBBORN = ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'];

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

function endpoint(): string {
  return nodeEnv()['CONTAINER_RUNTIME_ENDPOINT'] ?? '';
}

async function startMany(cri: CriClient, pod: Pod, count: number, command: readonly string[]): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `c${index}`);
  return await Promise.all(
    names.map(async (name) => {
      const id = await cri.createContainer(pod, { name, command });
      await cri.call('StartContainer', { containerId: id }, { deadlineMs: DEADLINE_MS });
      return id;
    }),
  );
}

async function startsAPod(cri: CriClient, name: string): Promise<void> {
  await using pod = await Pod.run(name, BARE);
  const id = await cri.createContainer(pod, { name: 'main', command: ['sleep', '1000'] });
  await cri.call('StartContainer', { containerId: id }, { deadlineMs: DEADLINE_MS });
}

function whetherSettled(work: Promise<unknown>): () => boolean {
  const state = { settled: false };
  const settle = (): void => void (state.settled = true);
  work.then(settle, settle);
  return () => state.settled;
}

/** One round of what a kubelet and people ask for all the time. */
async function reads(cri: CriClient): Promise<void> {
  await cri.call('Version', {});
  await cri.call('Status', {});
  await cri.call('ListContainers', {});
  await cri.call('ListPodSandbox', {});
}

describe('a node under load', () => {
  it(
    `starts a pod while ${STOPS} stops wait for their grace periods`,
    async () => {
      using cri = connectCri();
      await using pod = await Pod.run('graces', BARE);
      const ids = await timed(`${STOPS} containers`, () => startMany(cri, pod, STOPS, STUBBORN));
      const stop = (id: string, timeout: number): Promise<unknown> =>
        cri.call('StopContainer', { containerId: id, timeout }, { deadlineMs: DEADLINE_MS });
      const stops = Promise.all(ids.map((id) => stop(id, LONG_SECONDS)));
      await timed('a pod meanwhile', () => startsAPod(cri, 'meanwhile'));
      expect(ids).toHaveLength(STOPS);
      await timed('reads meanwhile', () => reads(cri));
      await Promise.all(ids.map((id) => stop(id, 0)));
      await stops;
    },
    LONG_MS,
  );

  it(
    `answers lists and status while ${CREATES} creates run`,
    async () => {
      using cri = connectCri();
      using other = connectCri();
      await using pod = await Pod.run('creates', BARE);
      const creating = startMany(cri, pod, CREATES, ['sleep', '1000']);
      const isOver = whetherSettled(creating);
      let rounds = 0;
      for (; !isOver(); rounds++) await reads(other);
      expect(await creating).toHaveLength(CREATES);
      console.log(`${rounds} rounds of reads while ${CREATES} containers were made and started`);
      expect(rounds).toBeGreaterThan(1);
    },
    LONG_MS,
  );

  it(
    'goes on when more shims hang than works may run at once',
    async () => {
      using cri = connectCri();
      const pods = await Promise.all(Array.from({ length: HUNG_SHIMS }, (_, index) => Pod.run(`hung${index}`, BARE)));
      try {
        const ids = await Promise.all(pods.map(async (pod) => (await startMany(cri, pod, 1, STUBBORN))[0] ?? ''));
        for (const pid of await shims(ids)) process.kill(pid, 'SIGSTOP');
        const stopping = pods.map((pod) => stopPod(cri, pod));
        expect(stopping).toHaveLength(HUNG_SHIMS);
        await timed('a pod beside hung shims', () => startsAPod(cri, 'beside'));
        await timed(`the stop of ${HUNG_SHIMS} pods whose shims hang`, () => Promise.all(stopping));
      } finally {
        for (const pod of pods) await pod[Symbol.asyncDispose]();
      }
    },
    LONG_MS,
  );

  it(
    `answers others while one client asks ${LISTS} times at once for all containers`,
    async () => {
      using other = connectCri();
      const flood = spawn(process.execPath, [FLOOD, endpoint(), LIST, String(LISTS)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const output = flood.stdout.setEncoding('utf8')[Symbol.asyncIterator]();
      expect((await output.next()).value).toBe('begun\n');
      const ending = output.next().then(({ value }: IteratorResult<unknown>) => value);
      const isOver = whetherSettled(ending);
      let slowest = 0;
      do {
        const began = performance.now();
        await reads(other);
        slowest = Math.max(slowest, performance.now() - began);
      } while (!isOver());
      console.log(`slowest round of reads beside ${LISTS} lists: ${(slowest / 1000).toFixed(2)} s`);
      expect(await ending).toBe(`${LISTS}\n`);
    },
    LONG_MS,
  );
});

/** As the kubelet does: again, when it did not end in time. */
async function stopPod(cri: CriClient, pod: Pod): Promise<void> {
  await eventually(
    `the stop of pod ${pod.name}`,
    async () =>
      await cri.call('StopPodSandbox', { podSandboxId: pod.id }, { deadlineMs: DEADLINE_MS }).then(
        () => true,
        () => undefined,
      ),
    DEADLINE_MS,
  );
}

/** The shims that were started for containers. */
async function shims(ids: readonly string[]): Promise<readonly number[]> {
  const found: number[] = [];
  for (const pid of await processesOf(dirname(nodeEnv()['CONTAINERD_ADDRESS'] ?? ''))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (ids.some((id) => command.includes(`-id\0${id}\0`))) found.push(pid);
  }
  expect(found).toHaveLength(ids.length);
  return found;
}
