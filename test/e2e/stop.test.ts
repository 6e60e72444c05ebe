import { readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { isAlive, processesOf } from './support/daemon.ts';
import { BUSYBOX, containerStatus, crictl, crictlJson, eventually, mustCrictl, nodeEnv, Pod } from './support/node.ts';

const LONG_SECONDS = '600';
const STUBBORN = { command: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'] };
/** A shim that does not answer is waited for before it is killed, for other containers of its pod even longer. */
const HUNG_SHIM_MS = 90_000;

beforeAll(() => mustCrictl('pull', BUSYBOX));

async function pidOf(container: string): Promise<number> {
  return (await crictlJson<{ info: { pid: number } }>('inspect', container)).info.pid;
}

/** A pod's shim, by what it was started for: here the process that holds the pod's PID namespace. */
async function shimOf(pod: string): Promise<number> {
  for (const pid of await processesOf(dirname(nodeEnv()['CONTAINERD_ADDRESS'] ?? ''))) {
    if ((await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes(`-id\0${pod}\0`)) return pid;
  }
  throw new Error(`no shim of ${pod}`);
}

/** Freezes the cgroup that a process is in. */
async function freeze(pid: number): Promise<void> {
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).split('\n');
  const v1 = lines.find((line) => line.includes(':freezer:'));
  if (v1 !== undefined) {
    return await writeFile(`/sys/fs/cgroup/freezer${v1.split(':')[2]}/freezer.state`, 'FROZEN');
  }
  const unified = lines.find((line) => line.startsWith('0::'))?.slice(3);
  await writeFile(`/sys/fs/cgroup${unified}/cgroup.freeze`, '1');
}

describe('a stop', () => {
  it('of what ignores its stop signal ends after the grace period', async () => {
    await using pod = await Pod.run('ignores');
    const id = await pod.start('main', STUBBORN);
    await mustCrictl('stop', '--timeout', '1', id);
    expect(await containerStatus(id)).toMatchObject({ state: 'CONTAINER_EXITED', exitCode: 137 });
  });

  it('is shortened by a second, shorter one', async () => {
    await using pod = await Pod.run('shorter');
    const id = await pod.start('main', { command: ['sh', '-c', 'trap "echo asked" TERM; while :; do sleep 1; done'] });
    const first = crictl('stop', '--timeout', LONG_SECONDS, id);
    await eventually('the first stop', async () => ((await pod.log('main')).length > 0 ? true : undefined));
    await mustCrictl('stop', '--timeout', '1', id);
    expect((await first).code).toBe(0);
  });

  it('of what is frozen ends', async () => {
    await using pod = await Pod.run('frozen');
    const id = await pod.start('main');
    const pid = await pidOf(id);
    await freeze(pid);
    await mustCrictl('stop', '--timeout', '1', id);
    expect(await isAlive(pid)).toBe(false);
    expect((await containerStatus(id)).state).toBe('CONTAINER_EXITED');
  });

  it('of a pod ends when its shim hangs, also for a caller who asks again and again; the pod can be removed', async () => {
    await using pod = await Pod.run('hung');
    const first = await pod.start('first', STUBBORN);
    const second = await pod.start('second', STUBBORN);
    const pids = [await pidOf(first), await pidOf(second)];
    const shim = await shimOf(pod.id);
    process.kill(shim, 'SIGSTOP');
    await eventually(
      'a stop of the pod that succeeds',
      async () => ((await crictl('--timeout', '5s', 'stopp', pod.id)).code === 0 ? true : undefined),
      HUNG_SHIM_MS,
    );
    for (const pid of [...pids, shim]) expect(await isAlive(pid)).toBe(false);
    for (const id of [first, second]) {
      expect(await containerStatus(id)).toMatchObject({ state: 'CONTAINER_EXITED', exitCode: 137 });
    }
  });
});
