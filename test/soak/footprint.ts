import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { promisify } from 'node:util';

/** The folders of one davitd, and its namespace in containerd. */
export interface Folders {
  readonly state: string;
  readonly root: string;
  /** Below these is every mount that davitd makes. */
  readonly mounts: readonly string[];
  readonly containerd: { readonly address: string; readonly namespace: string };
  /** Has ctr in its PATH. */
  readonly env: NodeJS.ProcessEnv;
}

/** Where one davitd's pods leave what they have: nothing of other davits is there. */
export interface Place extends Folders {
  readonly bridge: string;
  /** host-local's folder of the network's addresses. */
  readonly addresses: string;
  /** The parent of the pods' cgroups. */
  readonly cgroupParent: string;
}

/** Names that davit gives to what belongs to a pod or container. */
const NAMED_AFTER_ID = '.*/[0-9a-f]{64}([.-][^/]*)?';

/** What pods have in the kernel, in containerd and on disk; each line names one thing, its kind first. */
export async function footprint(place: Place): Promise<readonly string[]> {
  const parts = await Promise.all([footprintIn(place), cgroups(place), network(place)]);
  return parts.flat().sort((a, b) => a.localeCompare(b));
}

/** As `footprint`, without what a davitd shares with others: the tree of cgroups, and the built-in network. */
export async function footprintIn(folders: Folders): Promise<readonly string[]> {
  const parts = await Promise.all([mounts(folders), files(folders), shims(folders), containerd(folders)]);
  return parts.flat().sort((a, b) => a.localeCompare(b));
}

/** What `after` has that `before` had not. */
export function added(before: readonly string[], after: readonly string[]): readonly string[] {
  const known = new Set(before);
  return after.filter((line) => !known.has(line));
}

async function mounts(folders: Folders): Promise<readonly string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  const points = text.split('\n').map((line) => line.split(' ')[4] ?? '');
  const ours = points.filter((point) => folders.mounts.some((folder) => point.startsWith(`${folder}/`)));
  return ours.map((point) => `mount ${point}`);
}

async function files({ state, root }: Folders): Promise<readonly string[]> {
  // A mark outlives its pod until the next look of the reconciler.
  const but = ['(', '-path', `${state}/containerd`, '-o', '-path', `${state}/marks`, ')', '-prune', '-o'];
  const named = ['-regextype', 'posix-extended', '-regex', NAMED_AFTER_ID, '-print', '-prune'];
  return (await find([state, root, ...but, ...named])).map((path) => `file ${path}`);
}

async function cgroups({ cgroupParent }: Place): Promise<readonly string[]> {
  const found = await find(['/sys/fs/cgroup', '-type', 'd', '-path', `*${cgroupParent}/*`]);
  return found.map((path) => `cgroup ${path}`);
}

async function shims({ containerd: { address, namespace } }: Folders): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    const ours = words.includes(namespace) && words.includes(address);
    if (ours && words[0]?.includes('containerd-shim') === true) found.push(`shim ${pid}`);
  }
  return found;
}

async function network({ addresses, bridge }: Place): Promise<readonly string[]> {
  const held = await readdir(addresses).catch(() => []);
  const ports = await readdir(`/sys/class/net/${bridge}/brif`).catch(() => []);
  const rules = (await lines('iptables-save', ['-t', 'nat'])).filter((line) => line.includes(bridge));
  return [
    ...held.filter((name) => /^\d+(\.\d+){3}$/.test(name)).map((name) => `address ${name}`),
    ...ports.map((name) => `veth ${name}`),
    ...rules.map((rule) => `rule ${rule}`),
  ];
}

async function containerd({ containerd: { address, namespace }, env }: Folders): Promise<readonly string[]> {
  const ctr = (...args: readonly string[]): Promise<readonly string[]> =>
    lines('ctr', ['--address', address, '--namespace', namespace, ...args], env);
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

/** Others' folders may go while find looks: that is a failure of find, and none here. */
async function find(args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('find', args).catch((error: unknown) => error as { stdout: string });
  return split(stdout);
}

async function lines(file: string, args: readonly string[], env = process.env): Promise<readonly string[]> {
  return split((await promisify(execFile)(file, args, { env })).stdout);
}

function split(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}
