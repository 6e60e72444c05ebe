import { readFile, readdir } from 'node:fs/promises';
import { must, run } from './run.ts';
import { nodeEnv } from './node.ts';
import type { Daemon } from './daemon.ts';
import type { OwnNetwork } from './own-network.ts';

export interface Footed {
  readonly daemon: Pick<Daemon, 'dir' | 'state' | 'root'>;
  readonly network: OwnNetwork;
  /** containerd's namespace, the daemon's own. */
  readonly namespace: string;
  /** The parent of its pods' cgroups, the daemon's own. */
  readonly cgroupParent: string;
}

/** Names that davit gives to what belongs to a pod or container. */
const NAMED_AFTER_ID = '.*/[0-9a-f]{64}([.-][^/]*)?';

/**
 * What one davitd's pods have in the kernel, in containerd and on disk; each line names one thing. Nothing of other davits
 * on the machine is in it.
 */
export async function footprintOf(own: Footed): Promise<readonly string[]> {
  const parts = await Promise.all([
    mounts(own.daemon.dir),
    files(own.daemon),
    cgroups(own.cgroupParent),
    processes(own),
    own.network.inUse(),
    containerd(own.namespace),
  ]);
  return parts.flat().sort((a, b) => a.localeCompare(b));
}

async function mounts(dir: string): Promise<readonly string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  const points = text.split('\n').map((line) => line.split(' ')[4] ?? '');
  return points.filter((point) => point.startsWith(`${dir}/`)).map((point) => `mount ${point}`);
}

async function files({ state, root }: Pick<Daemon, 'state' | 'root'>): Promise<readonly string[]> {
  // A mark outlives its pod until the next look of the reconciler.
  const but = ['(', '-path', `${state}/containerd`, '-o', '-path', `${state}/marks`, ')', '-prune', '-o'];
  const named = ['-regextype', 'posix-extended', '-regex', NAMED_AFTER_ID, '-print', '-prune'];
  const { stdout } = await run('find', [state, root, ...but, ...named]);
  return lines(stdout).map((path) => `file ${path}`);
}

async function cgroups(parent: string): Promise<readonly string[]> {
  // Others' cgroups may go while find looks: that is a failure of find, and none here.
  const { stdout } = await run('find', ['/sys/fs/cgroup', '-type', 'd', '-path', `*${parent}/*`]);
  return lines(stdout).map((path) => `cgroup ${path}`);
}

/** Shims, and the processes that hold a pod's PID namespace. */
async function processes({ namespace, daemon }: Footed): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
    if (command.includes('containerd-shim') && command.includes(`-namespace ${namespace} `)) found.push(`shim ${pid}`);
    if (command.includes('davit-pause') && command.includes(daemon.dir)) found.push(`pause ${pid}`);
  }
  return found;
}

async function containerd(namespace: string): Promise<readonly string[]> {
  const ctr = async (...args: readonly string[]): Promise<readonly string[]> =>
    lines(await must('ctr', ['--namespace', namespace, ...args], nodeEnv()));
  const [containers, tasks, leases, snapshots, ingests] = await Promise.all([
    ctr('containers', 'ls', '-q'),
    ctr('tasks', 'ls', '-q'),
    ctr('leases', 'ls', '-q'),
    ctr('snapshots', 'ls'),
    ctr('content', 'active'),
  ]);
  return [
    ...containers.map((id) => `container ${id}`),
    ...tasks.map((id) => `task ${id}`),
    ...leases.map((id) => `lease ${id}`),
    ...snapshots.filter((line) => /(Active|View)\s*$/.test(line)).map((line) => `snapshot ${line}`),
    ...ingests.slice(1).map((line) => `ingest ${line}`),
  ];
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}
