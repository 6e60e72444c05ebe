import { readFile, readdir } from 'node:fs/promises';
import { must } from './run.ts';
import { ctr, eventually, nodeEnv } from './node.ts';

/** What the kernel and containerd have that a pod could leave behind; each line names one thing. */
export async function footprint(): Promise<readonly string[]> {
  const parts = await Promise.all([mounts(), links(), cgroups(), addresses(), shims(), containerdObjects()]);
  return parts.flat().sort();
}

/** What `after` has that `before` had not. */
export function left(before: readonly string[], after: readonly string[]): readonly string[] {
  const known = new Set(before);
  return after.filter((line) => !known.has(line));
}

async function mounts(): Promise<readonly string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `mount ${line.split(' ')[4]}`);
}

async function links(): Promise<readonly string[]> {
  const found = JSON.parse(await must('ip', ['-j', 'link'])) as { ifname: string }[];
  return found.map((link) => `link ${link.ifname}`);
}

async function cgroups(): Promise<readonly string[]> {
  const text = await must('find', ['/sys/fs/cgroup', '-type', 'd', '-path', '*davit*']);
  return text.split('\n').map((line) => `cgroup ${line}`);
}

/** Addresses that host-local holds for networks of ours. */
async function addresses(): Promise<readonly string[]> {
  const text = await must('sh', [
    '-c',
    'find /var/lib/cni /var/lib/davit-* -path "*/[0-9a-f]*[.:]*" -type f 2>/dev/null || true',
  ]);
  return text
    .split('\n')
    .filter((line) => /\/[\d.]+$|\/[\da-f:]+$/.test(line))
    .map((line) => `address ${line}`);
}

async function shims(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''); // it may end while we look
    if (command.includes('containerd-shim')) found.push(`shim ${pid}`);
  }
  return found;
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

/**
 * What kernel, containerd and davit's state still have of some ids; each line names one thing. Unlike a footprint it does
 * not see what others do on the machine meanwhile.
 */
export async function tracesOf(ids: readonly string[]): Promise<readonly string[]> {
  const node = nodeEnv()['DAVIT_NODE'];
  const [mountinfo, groups, files, processes, objects] = await Promise.all([
    readFile('/proc/self/mountinfo', 'utf8'),
    find('/sys/fs/cgroup', ids),
    find(`/run/davit-${node}/davit /run/davit-${node}/containerd/state /var/lib/davit-${node}/davit`, ids),
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

async function find(folders: string, ids: readonly string[]): Promise<readonly string[]> {
  const names = ids.map((id) => `-name '*${id}*'`).join(' -o ');
  // A mark outlives what it is for until the next search for orphans.
  const found = await must('sh', [
    '-c',
    `find ${folders} -xdev \\( ${names} \\) ! -path '*/marks/*' 2>/dev/null || true`,
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
