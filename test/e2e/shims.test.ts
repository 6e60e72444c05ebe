import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  containerdReady,
  killContainerd,
  killShim,
  runtimeReady,
  shimOf,
  startContainerd,
} from './support/containerd.ts';
import { sh } from './support/containers.ts';
import { isAlive } from './support/daemon.ts';
import { gone } from './support/kernel.ts';
import { BUSYBOX, Pod, eventually, exited, mustCrictl, pidOf } from './support/node.ts';

const TIMEOUT_MS = 120_000;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

/** The next test finds the node as it was, whatever this one has come to. */
afterEach(containerdReady);

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
