import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { containerdReady, killContainerd, runtimeCondition, startContainerd } from './support/containerd.ts';
import { sh } from './support/containers.ts';
import { isAlive } from './support/daemon.ts';
import {
  BUSYBOX,
  Pod,
  crictl,
  davitdPid,
  eventually,
  exited,
  mustCrictl,
  nodeEnv,
  pidOf,
  restartDavitd,
} from './support/node.ts';

const TIMEOUT_MS = 120_000;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

/** The next test finds the node as it was, whatever this one has come to. */
afterEach(containerdReady);

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://${nodeEnv()['DAVIT_METRICS']}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

describe('while containerd is away', { timeout: TIMEOUT_MS }, () => {
  it('K1: davitd starts, answers what a kubelet asks at its start, and learns exits; the rest waits, and says for what', async () => {
    await using pod = await Pod.run('start');
    const ending = await pod.start('ending', sh('sleep 6; exit 5'));
    const pid = await pidOf(ending);
    await killContainerd();
    const old = await davitdPid();
    const restarting = restartDavitd({ kill: true });
    restarting.catch(() => undefined); // awaited below
    await eventually('the end of the old davitd', async () => ((await isAlive(old)) ? undefined : true));
    await eventually('Version', async () => ((await crictl('version')).code === 0 ? true : undefined));
    expect(await runtimeCondition()).toMatchObject({ status: false, reason: 'ContainerdUnavailable' });
    await mustCrictl('imagefsinfo');
    const listing = await crictl('--timeout', '2s', 'ps');
    expect(listing.stderr).toMatch(/code = Unavailable desc = containerd at \/\S+ does not answer/);
    await eventually('the end of the container', async () => ((await isAlive(pid)) ? undefined : true));
    await startContainerd();
    await restarting;
    expect(await exited(ending)).toMatchObject({ exitCode: 5, reason: 'Error' });
  });

  it('and davitd, too, an exit that nobody knows any more is unknown and counted, never invented', async () => {
    await using pod = await Pod.run('nobody');
    const ending = await pod.start('ending', sh('sleep 4; exit 7'));
    const pid = await pidOf(ending);
    await killContainerd();
    process.kill(await davitdPid(), 'SIGKILL');
    await eventually('the end of the container', async () => ((await isAlive(pid)) ? undefined : true));
    await startContainerd();
    await restartDavitd({ kill: true });
    const status = await exited(ending);
    const lost = await metric('davit_container_exit_status_lost_total');
    // containerd 1.6 keeps the tasks that ended while it was away; later ones forget them.
    expect(['7 Error, 0 lost', '255 ExitStatusUnknown, 1 lost']).toContain(
      `${status.exitCode} ${status.reason}, ${lost} lost`,
    );
  });
});
