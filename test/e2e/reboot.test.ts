import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Daemon, isAlive, processesOf } from './support/daemon.ts';
import { BUILTIN_ADDRESSES, tracesOf } from './support/kernel.ts';
import { BUSYBOX, eventually, nodeEnv } from './support/node.ts';
import { must, run } from './support/run.ts';

const TIMEOUT_MS = 120_000;
/** Of one layer, which busybox has not. */
const OTHER_IMAGE = 'registry.k8s.io/pause:3.10';

interface Listed {
  readonly id: string;
  readonly state: string;
}

interface ContainerStatus {
  readonly state: string;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

async function statusOf(daemon: Daemon, id: string): Promise<ContainerStatus> {
  return (JSON.parse(await daemon.mustCrictl('inspect', id)) as { status: ContainerStatus }).status;
}

async function podConfig(daemon: Daemon, attempt: number): Promise<string> {
  const path = join(daemon.dir, `pod-${attempt}.json`);
  const metadata = { name: 'reboot', uid: 'uid-reboot', namespace: 'default', attempt };
  await writeFile(path, JSON.stringify({ metadata, log_directory: join(daemon.dir, 'logs'), linux: {} }));
  return path;
}

async function create(daemon: Daemon, pod: string, podPath: string, name: string, script: string): Promise<string> {
  const path = join(daemon.dir, `${name}.json`);
  const container = {
    metadata: { name, attempt: 0 },
    image: { image: BUSYBOX },
    command: ['sh', '-c', script],
    log_path: `${name}.log`,
    linux: {},
  };
  await writeFile(path, JSON.stringify(container));
  return await daemon.mustCrictl('create', pod, path, podPath);
}

/** What a loss of power leaves of a davitd and its containerd: their files on disk, and nothing else. */
async function losePower(daemon: Daemon, ids: readonly string[]): Promise<void> {
  await daemon.end('KILL');
  for (const pid of await processesOf(daemon.dir)) process.kill(pid, 'SIGKILL');
  await eventually('the end of all processes', async () => {
    const left = (await tracesOf(ids)).filter((line) => line.startsWith('process '));
    for (const line of left) await run('kill', ['-9', line.replace('process ', '')]);
    return left.length + (await processesOf(daemon.dir)).length === 0 ? true : undefined;
  });
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '');
  for (const point of mounts.filter((path) => path.startsWith(`${daemon.dir}/`)).reverse()) {
    await must('umount', ['-l', point]);
  }
  for (const name of await readdir(daemon.state)) await rm(join(daemon.state, name), { recursive: true });
  for (const line of (await tracesOf(ids)).filter((found) => found.startsWith('cgroup ')).reverse()) {
    await run('rmdir', [line.replace('cgroup ', '')]);
  }
  await forgetMasquerade(ids);
  const path = join(daemon.root, 'boot.json');
  const record = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...record, bootId: 'the boot before' }));
}

/** The kernel's rules are gone with its memory; the plugin does not take them back where the pod's network is gone. */
async function forgetMasquerade(ids: readonly string[]): Promise<void> {
  const rules = await must('iptables', ['-t', 'nat', '-S', 'POSTROUTING']);
  for (const [, source = '', text = '', chain = ''] of rules.matchAll(
    /^-A POSTROUTING -s (\S+) -m comment --comment "(.*)" -j (CNI-\S+)$/gm,
  )) {
    if (!ids.some((id) => text.includes(id))) continue;
    const comment = text.replaceAll(String.raw`\"`, '"');
    await must('iptables', [
      '-t',
      'nat',
      '-D',
      'POSTROUTING',
      '-s',
      source,
      '-m',
      'comment',
      '--comment',
      comment,
      '-j',
      chain,
    ]);
    await must('iptables', ['-t', 'nat', '-F', chain]);
    await must('iptables', ['-t', 'nat', '-X', chain]);
  }
}

describe('a restart of the node', { timeout: TIMEOUT_MS }, () => {
  it('K10, K19: leaves pods not ready, containers exited, no address held, and no damaged image', async () => {
    const certs = `/run/davit-${nodeEnv()['DAVIT_NODE']}/certs.d`;
    await using daemon = await Daemon.start(['--builtin-network', '--registry-config-path', certs]);
    await daemon.mustCrictl('pull', BUSYBOX);
    await daemon.mustCrictl('pull', OTHER_IMAGE);
    const config = await podConfig(daemon, 0);
    const pod = await daemon.mustCrictl('runp', config);
    const running = await create(daemon, pod, config, 'running', 'sleep 1000');
    const created = await create(daemon, pod, config, 'created', 'sleep 1000');
    const ended = await create(daemon, pod, config, 'ended', 'exit 3');
    await daemon.mustCrictl('start', running);
    await daemon.mustCrictl('start', ended);
    await eventually('the exit', async () =>
      (await statusOf(daemon, ended)).state === 'CONTAINER_EXITED' ? true : undefined,
    );
    const { ip } = (JSON.parse(await daemon.mustCrictl('inspectp', pod)) as { status: { network: { ip: string } } })
      .status.network;
    expect(await readdir(BUILTIN_ADDRESSES)).toContain(ip);
    const before = await statusOf(daemon, ended);

    await losePower(daemon, [pod, running, created, ended]);
    await truncate(await newestLayer(daemon), 10);
    await daemon.start();

    const pods = JSON.parse(await daemon.mustCrictl('pods', '-o', 'json')) as { items: readonly Listed[] };
    expect(pods.items.map(({ id, state }) => `${id} ${state}`)).toEqual([`${pod} SANDBOX_NOTREADY`]);
    expect(await statusOf(daemon, running)).toMatchObject({
      state: 'CONTAINER_EXITED',
      exitCode: 255,
      reason: 'NodeRebooted',
    });
    expect((await statusOf(daemon, created)).state).toBe('CONTAINER_EXITED');
    expect(await statusOf(daemon, ended)).toEqual(before);
    await eventually('the address to be free', async () =>
      (await readdir(BUILTIN_ADDRESSES)).includes(ip) ? undefined : true,
    );
    await eventually('the damaged image to be gone', async () => {
      const { images } = JSON.parse(await daemon.mustCrictl('images', '-o', 'json')) as { images: readonly unknown[] };
      return images.length === 1 ? true : undefined;
    });
    await daemon.mustCrictl('pull', BUSYBOX);
    await daemon.mustCrictl('pull', OTHER_IMAGE);

    const next = await podConfig(daemon, 1);
    const again = await daemon.mustCrictl('runp', next);
    const fresh = await create(daemon, again, next, 'fresh', 'sleep 1000');
    await daemon.mustCrictl('start', fresh);
    expect((await statusOf(daemon, fresh)).state).toBe('CONTAINER_RUNNING');
    await daemon.mustCrictl('stopp', pod);
    await daemon.mustCrictl('rmp', pod);
    expect(await tracesOf([pod, running, created, ended])).toEqual([]);
    const record = JSON.parse(await readFile(join(daemon.root, 'boot.json'), 'utf8')) as object;
    expect(record).not.toHaveProperty('owed');
    expect(await isAlive(daemon.pid)).toBe(true);
  });
});

/** The file of the layer that was pulled last. */
async function newestLayer(daemon: Daemon): Promise<string> {
  const blobs = join(daemon.root, 'containerd/io.containerd.content.v1.content/blobs/sha256');
  const found = await must('sh', ['-c', `ls -t ${blobs} | head -n 20`]);
  for (const name of found.split('\n')) {
    const path = join(blobs, name);
    const start = (await readFile(path)).subarray(0, 2);
    if (start[0] === 0x1f && start[1] === 0x8b) return path;
  }
  throw new Error('no packed layer in the content store');
}
