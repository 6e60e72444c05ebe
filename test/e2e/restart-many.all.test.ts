import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { BUSYBOX, davitdPid, mustCrictl, nodeEnv, restartDavitd } from './support/node.ts';

const PODS = 100;
const PARALLEL = 4;
const TIMEOUT_MS = 600_000;
const USER_HZ = 100;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

interface Running {
  readonly pod: string;
  readonly container: string;
  readonly pid: number;
}

async function runPod(cri: CriClient, index: number): Promise<Running> {
  const metadata = { name: `many-${index}`, uid: `uid-many-${index}`, namespace: 'default' };
  const config = { metadata, linux: { securityContext: { namespaceOptions: { pid: 'CONTAINER' } } } };
  const { podSandboxId } = await cri.call<{ podSandboxId: string }>('RunPodSandbox', { config });
  const { containerId } = await cri.call<{ containerId: string }>('CreateContainer', {
    podSandboxId,
    config: { metadata: { name: 'main' }, image: { image: BUSYBOX }, command: ['sleep', '10000'] },
    sandboxConfig: config,
  });
  await cri.startContainer(containerId);
  return { pod: podSandboxId, container: containerId, pid: await pidOf(cri, containerId) };
}

async function pidOf(cri: CriClient, containerId: string): Promise<number> {
  const { info } = await cri.call<{ info: { info: string } }>('ContainerStatus', { containerId, verbose: true });
  return (JSON.parse(info.info) as { pid: number }).pid;
}

/** What davitd's log says of its last start, in ms; and what it has used of the processors since, in ms. */
async function lastStart(): Promise<{ readonly readyMs: number; readonly cpuMs: number }> {
  const log = await readFile(`/run/davit-${nodeEnv()['DAVIT_NODE']}/log/davitd.log`, 'utf8');
  const readyMs = Number([...log.matchAll(/"ms":(\d+)[^\n]*"davitd is ready"/g)].at(-1)?.[1]);
  const stat = await readFile(`/proc/${await davitdPid()}/stat`, 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return { readyMs, cpuMs: (((user ?? 0) + (system ?? 0)) * 1000) / USER_HZ };
}

describe(`a restart of davitd with ${PODS} pods`, { timeout: TIMEOUT_MS }, () => {
  it('finds all of them as they were', async () => {
    using cri = connectCri();
    const made: Running[] = [];
    const rest = Array.from({ length: PODS }, (_, index) => index).values();
    const worker = async (): Promise<void> => {
      for (const index of rest) made.push(await runPod(cri, index));
    };
    try {
      await Promise.all(Array.from({ length: PARALLEL }, worker));
      for (const kill of [true, false]) {
        await restartDavitd({ kill });
        const { readyMs, cpuMs } = await lastStart();
        // A figure, not a limit: the machine may be busy with other things.
        console.log(`restart by ${kill ? 'SIGKILL' : 'SIGTERM'}: ready after ${readyMs} ms, ${cpuMs} ms of CPU`);
        using after = connectCri();
        for (const { container, pid } of made) expect(await pidOf(after, container)).toBe(pid);
      }
    } finally {
      await mustCrictl('--timeout', '300s', 'rmp', '--all', '--force');
    }
  });
});
