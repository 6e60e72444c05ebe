import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Daemon, isAlive, processesOf } from './support/daemon.ts';
import { left } from './support/kernel.ts';
import { BUSYBOX, eventually, nodeEnv } from './support/node.ts';
import { must, run } from './support/run.ts';
import { SharedContainerd } from './support/shared-containerd.ts';

const FOREIGN_NETNS = `dvt-foreign-${process.pid}`;
/** The OCI runtime keeps names by namespace, whichever containerd they are of. */
const PLAIN = `dvt-plain-${process.pid}`;
const METRICS_PORT = 20_000 + (process.pid % 10_000);
const CONFIG = `metrics_address = "127.0.0.1:${METRICS_PORT}"
[reconcile]
interval = "1s"
grace = "1s"
`;

let containerd: SharedContainerd;
let daemon: Daemon;
/** A cgroup that looks like one of davit's pods, and is somebody else's. */
const foreignCgroup = `/sys/fs/cgroup/pids/davit/${randomBytes(32).toString('hex')}`;

beforeAll(async () => {
  containerd = await SharedContainerd.start();
  const config = join(containerd.dir, 'davit.toml');
  await writeFile(config, CONFIG);
  daemon = await Daemon.start([
    '--config',
    config,
    '--containerd-address',
    containerd.address,
    '--registry-config-path',
    `/run/davit-${nodeEnv()['DAVIT_NODE']}/certs.d`,
    '--cni-conf-dir',
    join(containerd.dir, 'net.d'),
  ]);
  await daemon.mustCrictl('pull', BUSYBOX);
});

afterAll(async () => {
  for (const args of [
    ['tasks', 'rm', '--force'],
    ['containers', 'rm'],
  ]) {
    await run('ctr', ['--address', containerd.address, '-n', 'davit', ...args, PLAIN], nodeEnv());
  }
  await run('ip', ['netns', 'delete', FOREIGN_NETNS]);
  await rmdir(foreignCgroup).catch(() => undefined);
  await daemon[Symbol.asyncDispose]();
  await containerd[Symbol.asyncDispose]();
});

/** Pods of davit's. */
const made: string[] = [];

interface Made {
  readonly pod: string;
  readonly container: string;
  readonly pid: number;
}

async function runPod(name: string): Promise<Made> {
  const [podFile, containerFile] = [join(daemon.dir, 'pod.json'), join(daemon.dir, 'container.json')];
  const metadata = { name, uid: `uid-${name}`, namespace: 'default', attempt: 0 };
  await writeFile(podFile, JSON.stringify({ metadata, log_directory: join(daemon.dir, 'logs'), linux: {} }));
  const command = ['sleep', '1000'];
  const image = { image: BUSYBOX };
  await writeFile(
    containerFile,
    JSON.stringify({ metadata: { name }, image, command, log_path: `${name}.log`, linux: {} }),
  );
  const pod = await daemon.mustCrictl('runp', podFile);
  const container = await daemon.mustCrictl('create', pod, containerFile, podFile);
  await daemon.mustCrictl('start', container);
  made.push(pod);
  return { pod, container, pid: await pidOf(container) };
}

/** A pod that nothing runs in, not even a process of its own. */
async function runPodAlone(name: string): Promise<string> {
  const file = join(daemon.dir, 'pod.json');
  const metadata = { name, uid: `uid-${name}`, namespace: 'default', attempt: 0 };
  const linux = { security_context: { namespace_options: { pid: 1 } } };
  await writeFile(file, JSON.stringify({ metadata, linux }));
  const pod = await daemon.mustCrictl('runp', file);
  made.push(pod);
  return pod;
}

async function pidOf(container: string): Promise<number> {
  const { info } = JSON.parse(await daemon.mustCrictl('inspect', container)) as { info: { pid: number } };
  return info.pid;
}

/** A process that looks like a shim which containerd has forgotten. */
function spawnShim(id: string): { readonly pid: number } & AsyncDisposable {
  const args = ['-e', 'setInterval(() => {}, 1000)', '--', '-namespace', 'davit', '-id', id];
  const child = spawn(process.execPath, args, { argv0: 'containerd-shim-runc-v2', stdio: 'ignore' });
  return {
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      const ended = child.exitCode ?? child.signalCode ?? once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function recordsOf({ pod, container }: Made): readonly string[] {
  return [join(daemon.root, 'sandboxes', `${pod}.json`), join(daemon.root, 'containers', `${container}.json`)];
}

/** What there is of this containerd's clients in the kernel and in containerd; each line names one thing. */
async function everything(): Promise<readonly string[]> {
  const folders = [containerd.dir, daemon.dir].map((dir) => `${dir}/`);
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '');
  const lists = await Promise.all([
    containerd.links(),
    containerd.addresses(),
    shims(),
    must('find', ['/sys/fs/cgroup', '-type', 'd', '-path', '*/davit/*']).then((text) =>
      cgroupsOfMade(text.split('\n')),
    ),
    ...['davit', 'k8s.io'].flatMap((namespace) =>
      [
        ['containers', 'ls', '-q'],
        ['tasks', 'ls', '-q'],
        ['leases', 'ls', '-q'],
        ['snapshots', 'ls'],
      ].map(async (args) => (await containerd.ctr('-n', namespace, ...args)).split('\n')),
    ),
  ]);
  const ours = mounts.filter((path) => folders.some((folder) => path.startsWith(folder)));
  return [ours, ...lists].flatMap((lines, index) => [...lines].map((line) => `${index} ${line}`)).sort();
}

async function shims(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of await processesOf(containerd.dir)) {
    const [program = '', ...args] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (program.endsWith('containerd-shim-runc-v2') && !args.includes('delete')) found.push(`shim ${pid}`);
  }
  return found;
}

/** Other davits of the machine have theirs beside them. */
function cgroupsOfMade(paths: readonly string[]): readonly string[] {
  return paths.filter((path) => made.some((pod) => path.includes(pod)));
}

async function metric(name: string, kind: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${METRICS_PORT}/metrics`);
  const line = (await response.text()).split('\n').find((each) => each.startsWith(`${name}{kind="${kind}"`));
  return Number(line?.split(' ').at(-1));
}

/** Starts what is not davit's, on the same containerd and the same node. */
async function runForeigners(): Promise<readonly number[]> {
  const [, container] = await containerd.runPod('foreign');
  const { info } = JSON.parse(await containerd.crictl('inspect', container)) as { info: { pid: number } };
  await containerd.ctr('-n', 'davit', 'run', '--detach', BUSYBOX, PLAIN, 'sleep', '1000');
  const tasks = await containerd.ctr('-n', 'davit', 'tasks', 'ls');
  const plain = new RegExp(`^${PLAIN}\\s+(\\d+)`, 'm').exec(tasks)?.[1];
  await must('ip', ['netns', 'add', FOREIGN_NETNS]);
  await mkdir(foreignCgroup, { recursive: true });
  return [info.pid, Number(plain)];
}

describe('what no record owns', () => {
  it('is removed, whatever of it there is, and what others have on the node and in containerd stays as it was', async () => {
    const foreigners = await runForeigners();
    const known = await runPod('known');
    const before = await everything();
    const lost = await runPod('lost');
    await daemon.end('KILL');
    for (const record of recordsOf(lost)) await rm(record);
    await daemon.start();

    await eventually('the removal of all that the lost records owned', async () =>
      left(before, await everything()).length === 0 ? true : undefined,
    );
    expect(await isAlive(lost.pid)).toBe(false);
    expect(left(await everything(), before)).toEqual([]);
    for (const pid of [...foreigners, known.pid]) expect(await isAlive(pid)).toBe(true);
    expect(await must('ip', ['netns', 'list'])).toContain(FOREIGN_NETNS);
    for (const kind of ['container', 'cgroup', 'attachment', 'namespace', 'mount', 'folder', 'snapshot', 'output']) {
      expect(await metric('davit_reconcile_orphans_removed_total', kind)).toBeGreaterThan(0);
    }
    const log = await readFile(join(daemon.dir, 'davitd.log'), 'utf8');
    expect(
      log.split('\n').filter((line) => line.includes('"kind":"snapshot"') && line.includes(lost.container)),
    ).toHaveLength(1);
  });

  it('is left alone while a damaged record may own it', async () => {
    // Without a process containerd knows nothing of it that the record could be made from again.
    const pod = await runPodAlone('torn');
    const record = join(daemon.root, 'sandboxes', `${pod}.json`);
    const before = await everything();
    await daemon.end('KILL');
    await writeFile(record, '{"version":1,');
    await daemon.start();
    await eventually('a report of what was left alone', async () =>
      (await metric('davit_reconcile_orphans_kept', 'namespace')) > 0 ? true : undefined,
    );
    expect(left(await everything(), before)).toEqual([]);
    expect(left(before, await everything())).toEqual([]);

    // Whoever gives the record up gives its pod up.
    await daemon.end('TERM');
    await rm(record);
    await daemon.start();
    await eventually("the removal of the pod's namespaces", async () =>
      (await everything()).some((line) => line.includes(pod)) ? undefined : true,
    );
  });

  it('is a shim, too, whose pod is gone; a shim of others is not', async () => {
    const { pod, container } = await runPod('shim');
    await using idle = spawnShim(container);
    await using other = spawnShim(randomBytes(32).toString('hex'));
    await daemon.mustCrictl('rmp', '--force', pod);
    await eventually('the end of the shim', async () => ((await isAlive(idle.pid)) ? undefined : true));
    expect(await isAlive(other.pid)).toBe(true);
    expect(await metric('davit_reconcile_orphans_removed_total', 'shim')).toBe(1);
  });
});
