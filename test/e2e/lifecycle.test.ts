import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import { BUSYBOX, Pod, containerStatus, mustCrictl } from './support/node.ts';

/** Rounds of three init containers each: an ending shim that meets a create shows in one of them. */
const ROUNDS = 100;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

describe('containers of a pod, one after the other', () => {
  it(`run to their end as three init containers in a row, ${ROUNDS} times`, { timeout: 400_000 }, async () => {
    await using pod = await Pod.run('init');
    using cri = connectCri();
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of ['one', 'two', 'three']) {
        const id = await cri.createContainer(pod, { name: `${name}-${randomUUID()}`, command: ['true'] });
        await cri.startContainer(id);
        const status = await cri.exited(id);
        expect(status).toMatchObject({ exitCode: 0, reason: 'Completed' });
        await cri.removeContainer(id);
      }
    }
    const last = await pod.start('last');
    expect((await containerStatus(last)).state).toBe('CONTAINER_RUNNING');
  });

  it("live on when the pod's first container is deleted", async () => {
    await using pod = await Pod.run('first-goes');
    const first = await pod.start('first');
    const second = await pod.start('second');
    await mustCrictl('rm', '-f', first);
    expect((await containerStatus(second)).state).toBe('CONTAINER_RUNNING');
    const third = await pod.start('third');
    expect((await containerStatus(third)).state).toBe('CONTAINER_RUNNING');
    await mustCrictl('stop', '--timeout', '0', second);
    expect(await containerStatus(second)).toMatchObject({ state: 'CONTAINER_EXITED', exitCode: 137 });
  });
});
