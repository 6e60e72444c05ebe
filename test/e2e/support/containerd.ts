import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isAlive } from './daemon.ts';
import { crictlJson, eventually, nodeEnv } from './node.ts';
import { must } from './run.ts';

const HACK_LIB = fileURLToPath(new URL('../../../hack/lib.sh', import.meta.url));

/** Ends the node's containerd by SIGKILL; its shims, and what runs in them, live on. */
export async function killContainerd(): Promise<void> {
  const [first = ''] = (
    await readFile(`/run/davit-${nodeEnv()['DAVIT_NODE']}/containerd/containerd.pid`, 'utf8')
  ).split(' ');
  const pid = Number(first);
  process.kill(pid, 'SIGKILL');
  await eventually("containerd's end", async () => ((await isAlive(pid)) ? undefined : true));
}

/** Starts the node's containerd again; returns when it answers, and nothing is said about davitd. */
export async function startContainerd(): Promise<void> {
  await must('bash', ['-c', '. "$0" && node_names && node_is_up && node_start_containerd', HACK_LIB], nodeEnv());
}

/** As startContainerd(); returns when davitd can use it. */
export async function containerdReady(): Promise<void> {
  await startContainerd();
  await runtimeReady();
}

/** The shim that looks after a container: the parent of the container's first process. */
export async function shimOf(containerPid: number): Promise<number> {
  const stat = await readFile(`/proc/${containerPid}/stat`, 'utf8');
  const shim = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  const command = await readFile(`/proc/${shim}/cmdline`, 'utf8');
  if (!command.includes('containerd-shim')) throw new Error(`process ${shim} is no shim: ${command}`);
  return shim;
}

/** Ends a shim by SIGKILL. */
export async function killShim(shim: number): Promise<void> {
  process.kill(shim, 'SIGKILL');
  await eventually("the shim's end", async () => ((await isAlive(shim)) ? undefined : true));
}

/** Waits until davitd can use containerd. */
export async function runtimeReady(): Promise<void> {
  await eventually('RuntimeReady', async () => ((await runtimeCondition()).status ? true : undefined));
}

export async function runtimeCondition(): Promise<{ status: boolean; reason: string; message: string }> {
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
