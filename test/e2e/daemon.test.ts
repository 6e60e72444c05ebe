import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Daemon, isAlive, processesOf } from './support/daemon.ts';
import { BUSYBOX, eventually, nodeEnv } from './support/node.ts';

const CERTS = (): string => `/run/davit-${nodeEnv()['DAVIT_NODE']}/certs.d`;
/** Where Node's inspector listens when somebody opens it. */
const INSPECTOR_PORT = 9229;

interface Condition {
  readonly type: string;
  readonly status: boolean;
}

async function pidIn(path: string): Promise<number> {
  return Number(await readFile(path, 'utf8'));
}

async function listens(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

describe('davitd with a containerd of its own', () => {
  it('runs pods on it, finds it again after kill -9, and brings it back when it dies; the container lives through both', async () => {
    await using daemon = await Daemon.start(['--containerd-address', 'auto', '--registry-config-path', CERTS()]);
    const pidFile = join(daemon.state, 'containerd', 'containerd.pid');
    const containerd = await pidIn(pidFile);
    expect(await isAlive(containerd)).toBe(true);
    await daemon.mustCrictl('pull', BUSYBOX);
    const container = await runPod(daemon);
    const before = await initPid(daemon, container);

    await daemon.end('KILL');
    expect(await isAlive(containerd)).toBe(true);
    await daemon.start();
    expect(await pidIn(pidFile)).toBe(containerd);
    expect(await initPid(daemon, container)).toBe(before);

    process.kill(containerd, 'SIGKILL');
    const next = await eventually('another containerd', async () => {
      const pid = await pidIn(pidFile);
      return pid !== containerd && (await isAlive(pid)) ? pid : undefined;
    });
    expect(next).not.toBe(containerd);
    await eventually('a davitd that is ready again', async () => {
      const { status } = JSON.parse(await daemon.mustCrictl('info')) as { status: { conditions: Condition[] } };
      return status.conditions.find(({ type }) => type === 'RuntimeReady')?.status === true ? true : undefined;
    });
    expect(await isAlive(before)).toBe(true);
    await daemon.mustCrictl('stop', '--timeout', '0', container);
    expect(await isAlive(before)).toBe(false);
  });
});

describe("davitd's files and signals", () => {
  it('are for root alone where they must be', async () => {
    await using daemon = await Daemon.start([
      '--containerd-address',
      nodeEnv()['CONTAINERD_ADDRESS'] ?? '',
      '--containerd-namespace',
      'davit-modes',
    ]);
    expect(await modeOf(daemon.root)).toBe('700');
    expect(await modeOf(daemon.state)).toBe('711');
    expect(await modeOf(join(daemon.state, 'davit.sock'))).toBe('660');
  });

  it('open no inspector on SIGUSR1, in davitd or the pump', async () => {
    await using daemon = await Daemon.start([
      '--containerd-address',
      nodeEnv()['CONTAINERD_ADDRESS'] ?? '',
      '--containerd-namespace',
      'davit-sigusr1',
      '--registry-config-path',
      CERTS(),
    ]);
    await daemon.mustCrictl('pull', BUSYBOX);
    await runPod(daemon); // the pump starts with the first container
    const ours = await processesOf(daemon.dir);
    expect(ours.length).toBeGreaterThanOrEqual(2);
    for (const pid of ours) process.kill(pid, 'SIGUSR1');
    await daemon.mustCrictl('version'); // the signals have been handled by now
    expect(await listens(INSPECTOR_PORT)).toBe(false);
    for (const pid of ours) expect(await isAlive(pid)).toBe(true);
  });
});

describe('davitd with a configuration that cannot be', () => {
  it('names file, line and key and exits with 2', async () => {
    const davitd = new URL('../../dist/davitd.js', import.meta.url).pathname;
    const file = `/tmp/davit-bad-${process.pid}.toml`;
    await writeFile(file, 'log_level = "info"\n\n[network]\ncni_timout = "3s"\n');
    const { code, stderr } = await new Promise<{ code: number | null; stderr: string }>((resolve) => {
      const child = execFile(process.execPath, [davitd, '--config', file], (_error, _stdout, stderr) => {
        resolve({ code: child.exitCode, stderr });
      });
    });
    expect(code).toBe(2);
    expect(stderr).toContain(`${file}:4`);
    expect(stderr).toContain('cni_timout');
  });
});

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

async function runPod(daemon: Daemon): Promise<string> {
  const pod = {
    metadata: { name: 'own', uid: 'u-own', namespace: 'default', attempt: 0 },
    log_directory: join(daemon.dir, 'logs'),
    linux: { security_context: { namespace_options: { network: 2, pid: 1 } } },
  };
  const container = {
    metadata: { name: 'main' },
    image: { image: BUSYBOX },
    command: ['sleep', '1000'],
    log_path: 'm.log',
    linux: {},
  };
  const podFile = join(daemon.dir, 'pod.json');
  const containerFile = join(daemon.dir, 'container.json');
  await writeFile(podFile, JSON.stringify(pod));
  await writeFile(containerFile, JSON.stringify(container));
  const podId = await daemon.mustCrictl('runp', podFile);
  const id = await daemon.mustCrictl('create', podId, containerFile, podFile);
  await daemon.mustCrictl('start', id);
  return id;
}

async function initPid(daemon: Daemon, container: string): Promise<number> {
  const { info } = JSON.parse(await daemon.mustCrictl('inspect', container)) as { info: { pid: number } };
  return info.pid;
}
