import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sh } from './support/containers.ts';
import { must } from './support/run.ts';
import {
  BUSYBOX,
  Pod,
  containerStatus,
  crictlJson,
  eventually,
  mustCrictl,
  nodeEnv,
  restartDavitd,
} from './support/node.ts';

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

const OUTAGE_SECONDS = 3;
/** Numbered lines without end; its pauses leave a busy machine time for the rest. */
const NUMBERED =
  'i=0; while :; do next=$((i+500)); while [ $i -lt $next ]; do echo line $i; i=$((i+1)); done; sleep 0.05; done';

/** The FIFO that a container's stdin is read from. */
async function stdinOf(id: string): Promise<string> {
  const state = `/run/davit-${nodeEnv()['DAVIT_NODE']}/davit`;
  const found = await must('find', [state, '-type', 'p', '-path', `*${id}*`, '-name', '*stdin*']);
  return found.split('\n')[0] ?? '';
}

async function davitdPids(): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(
    pids.map(async (pid) => [pid, await must('cat', [`/proc/${pid}/cmdline`]).catch(() => '')] as const),
  );
  return commands.filter(([, command]) => command.includes('davitd.js')).map(([pid]) => pid);
}

describe.each([
  ['kill -9', true],
  ['SIGTERM', false],
])('pods over a restart of davitd by %s', (_how, kill) => {
  it('live on: the shell keeps its stdin, no line of the writer is lost, the ended one has its exit code', async () => {
    await using talkers = await Pod.run('talkers');
    await using shortLived = await Pod.run('short-lived');
    const shell = await talkers.start('shell', { command: ['sh'], stdin: true });
    const writer = await talkers.start('writer', sh(NUMBERED));
    const ending = await shortLived.start('ending', sh('sleep 1; exit 9'));
    const pidBefore = (await crictlJson<{ info: { pid: number } }>('inspect', shell)).info.pid;
    const daemonBefore = await davitdPids();

    await restartDavitd({ kill, pauseSeconds: OUTAGE_SECONDS });

    expect(await davitdPids()).not.toEqual(daemonBefore);
    expect(await containerStatus(ending)).toMatchObject({ state: 'CONTAINER_EXITED', exitCode: 9, reason: 'Error' });
    expect((await crictlJson<{ info: { pid: number } }>('inspect', shell)).info.pid).toBe(pidBefore);

    await writeFile(await stdinOf(shell), 'echo answer $((40 + 2))\n', { flag: 'a' });
    await eventually("the shell's answer", async () =>
      (await talkers.log('shell')).some((line) => line.text === 'answer 42') ? true : undefined,
    );

    await mustCrictl('stop', '--timeout', '0', writer);
    const lines = (await talkers.log('writer')).map((line) => line.text);
    expect(lines.length).toBeGreaterThan(1000);
    const wrong = lines.findIndex((line, index) => line !== `line ${index}`);
    // The last line may be one that SIGKILL cut in the middle of its write.
    expect(wrong === -1 || wrong === lines.length - 1).toBe(true);
  });

  it('can be stopped and removed by the new davitd, and pods that wait in it keep their address', async () => {
    await using pod = await Pod.run('address');
    await pod.start('main');
    const ip = await pod.ip();
    await restartDavitd({ kill });
    expect(await pod.ip()).toBe(ip);
    const second = await pod.start('second', sh('exit 0'));
    await eventually('the exit', async () =>
      (await containerStatus(second)).state === 'CONTAINER_EXITED' ? true : undefined,
    );
    expect((await readdir(join(pod.dir, 'logs'))).sort()).toEqual(['main.log', 'second.log']);
  });
});
