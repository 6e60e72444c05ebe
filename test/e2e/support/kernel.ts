import { readFile, readdir } from 'node:fs/promises';
import { must, run } from './run.ts';
import { ctr, eventually, nodeEnv } from './node.ts';

/** Where host-local keeps the addresses of davit's built-in network. */
export const BUILTIN_ADDRESSES = '/var/lib/cni/networks/davit';

/** What `after` has that `before` had not. */
export function left(before: readonly string[], after: readonly string[]): readonly string[] {
  const known = new Set(before);
  return after.filter((line) => !known.has(line));
}

/**
 * What kernel, containerd and davit's state still have of some ids; each line names one thing. What others do on the
 * machine meanwhile is not seen.
 */
export async function tracesOf(ids: readonly string[]): Promise<readonly string[]> {
  const node = nodeEnv()['DAVIT_NODE'];
  const [mountinfo, groups, files, processes, objects] = await Promise.all([
    readFile('/proc/self/mountinfo', 'utf8'),
    // Each controller of version 1 is a file system of its own below the folder.
    find('/sys/fs/cgroup', '', ids),
    find(`/run/davit-${node}/davit /run/davit-${node}/containerd/state /var/lib/davit-${node}/davit`, '-xdev', ids),
    processesOf(ids),
    containerdObjects(),
  ]);
  return [
    ...mountinfo
      .split('\n')
      .filter((line) => ids.some((id) => line.includes(id)))
      .map((line) => `mount ${line.split(' ')[4]}`),
    ...groups.map((path) => `cgroup ${path}`),
    ...files.map((path) => `file ${path}`),
    ...processes,
    ...objects.filter((line) => ids.some((id) => line.includes(id))),
  ];
}

/** What the built-in network has of some pods: addresses that host-local holds for them, and rules that name them. */
export async function networkTracesOf(pods: readonly string[]): Promise<readonly string[]> {
  const [held, rules] = await Promise.all([
    run('grep', ['-rl', ...pods.flatMap((pod) => ['-e', pod]), BUILTIN_ADDRESSES]),
    must('iptables-save', ['-t', 'nat']),
  ]);
  return [
    ...held.stdout.split('\n').flatMap((path) => (path === '' ? [] : [`address ${path}`])),
    ...rules.split('\n').flatMap((rule) => (pods.some((pod) => rule.includes(pod)) ? [`rule ${rule}`] : [])),
  ];
}

async function find(folders: string, option: '' | '-xdev', ids: readonly string[]): Promise<readonly string[]> {
  const names = ids.map((id) => `-name '*${id}*'`).join(' -o ');
  // A mark outlives what it is for until the next search for orphans.
  const found = await must('sh', [
    '-c',
    `find ${folders} ${option} \\( ${names} \\) ! -path '*/marks/*' 2>/dev/null || true`,
  ]);
  return found.split('\n').filter((line) => line !== '');
}

/** Processes in the cgroup of an id, but for zombies, and shims that were started for one. */
async function processesOf(ids: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [cgroup, command, status] = await Promise.all(
      ['cgroup', 'cmdline', 'status'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    if (/^State:\s+Z/m.test(status ?? '')) continue;
    const isShim = command?.includes('containerd-shim') === true;
    if (ids.some((id) => cgroup?.includes(id) === true || (isShim && command.includes(id))))
      found.push(`process ${pid}`);
  }
  return found;
}

/** Waits until nothing is left of pods and containers. */
export async function gone(ids: readonly string[]): Promise<void> {
  let traces: readonly string[] = [];
  await eventually('nothing left', async () => {
    traces = await tracesOf(ids);
    return traces.length === 0 ? true : undefined;
  }).catch((error: unknown) => {
    throw new Error(`left: ${traces.join(', ')}`, { cause: error });
  });
}

async function containerdObjects(): Promise<readonly string[]> {
  const listed = await Promise.all([
    ctr('-n', 'davit', 'containers', 'ls', '-q'),
    ctr('-n', 'davit', 'tasks', 'ls', '-q'),
    ctr('-n', 'davit', 'leases', 'ls', '-q'),
    activeSnapshots(),
  ]);
  return listed.flatMap((text, index) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => `${['container', 'task', 'lease', 'snapshot'][index]} ${line}`),
  );
}

/** Committed snapshots are images' layers and stay. */
async function activeSnapshots(): Promise<string> {
  const text = await must('ctr', ['-n', 'davit', 'snapshots', 'ls'], nodeEnv());
  return text
    .split('\n')
    .filter((line) => line.trimEnd().endsWith('Active'))
    .join('\n');
}
