import { connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { connections, cpuTicks, descriptors, residentBytes } from './support/davitd-process.ts';
import { BUSYBOX, Pod, crictlJson, eventually, exited, mustCrictl, nodeEnv } from './support/node.ts';

/** Calls that have broken other runtimes, by what they ask for or how often, each by the number under which it became known. */

const MIB = 1024 * 1024;
/** What is done so often that a leak shows; CI has less time than `hack/test --all`. */
const ALL = process.env['DAVIT_TEST_ALL'] === '1';
const RESETS = ALL ? 100_000 : 10_000;
const ATTACHES = ALL ? 10_000 : 300;
const EXECS = ALL ? 10_000 : 100;
const LONG_MS = ALL ? 3_600_000 : 240_000;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

describe('a container', () => {
  it('CVE-2025-0426, CVE-2026-50195, CVE-2026-53489: has no checkpoint: each way to one is refused by name, and writes nothing', async () => {
    await using pod = await Pod.run('checkpoint');
    using cri = connectCri();
    const location = join(pod.dir, 'checkpoint.tar');
    const request = { containerId: await pod.start('main'), podSandboxId: pod.id, location };
    for (const method of ['CheckpointContainer', 'CheckpointPod', 'RestorePod']) {
      await expect(cri.call(method, request)).rejects.toThrow(new RegExp(`UNIMPLEMENTED: ${method}`));
    }
    await expect(stat(location)).rejects.toThrow('ENOENT');
  });

  it('CVE-2024-8676, CVE-2026-53492: is never made from an archive of the node', async () => {
    await using pod = await Pod.run('archive');
    const archive = join(pod.dir, 'checkpoint.tar');
    await writeFile(archive, 'not an image');
    for (const image of [archive, `file://${archive}`, `checkpoint:${archive}`]) {
      await expect(pod.create('main', { image: { image } })).rejects.toThrow(/InvalidArgument|NotFound/);
    }
    expect(await mustCrictl('ps', '-aq', '--pod', pod.id)).toBe('');
  });

  it('CVE-2024-0132, CVE-2025-23266: gets no device by CDI, and no hook of the node runs in its environment', async () => {
    await using pod = await Pod.run('devices');
    const cdi = { 'cdi.k8s.io/x': 'vendor.com/class=device' };
    await expect(pod.create('cdi', { CDI_devices: [{ name: 'vendor.com/class=device' }] })).rejects.toThrow(
      'CDI_devices',
    );
    const envs = ['LD_PRELOAD', 'LD_LIBRARY_PATH'].map((key) => ({ key, value: '/proc/self/cwd/evil.so' }));
    const id = await pod.start('main', { annotations: cdi, envs });
    const { info } = await crictlJson<{ info: { pid: number; runtimeSpec: object } }>('inspect', id);
    expect(info.runtimeSpec).not.toHaveProperty('hooks');
    expect(JSON.stringify(info.runtimeSpec)).not.toContain('vendor.com');
    const parent = /^PPid:\s+(\d+)$/m.exec(await readFile(`/proc/${info.pid}/status`, 'utf8'))?.[1];
    expect(await readFile(`/proc/${parent}/environ`, 'utf8')).not.toContain('evil.so'); // the shim
  });

  it('CVE-2021-43816: leaves the label and the content of the node’s own files alone', async () => {
    await using pod = await Pod.run('relabel');
    const before = await Promise.all(['/etc/hosts', '/etc/resolv.conf'].map((path) => stat(path)));
    const mounts = ['/etc/hosts', '/etc/resolv.conf'].map((path) => ({
      container_path: path,
      host_path: path,
      selinux_relabel: true,
      readonly: true,
    }));
    await exited(await pod.start('main', { command: ['cat', '/etc/hosts'], mounts }));
    const after = await Promise.all(['/etc/hosts', '/etc/resolv.conf'].map((path) => stat(path)));
    expect(after.map(({ ctimeMs }) => ctimeMs)).toEqual(before.map(({ ctimeMs }) => ctimeMs));
  });
});

describe('davitd', () => {
  it('CVE-2025-31133, CVE-2025-52565, CVE-2025-52881, CVE-2026-41579: tells of a runc that has known holes', async () => {
    const { runtimes } = await crictlJson<{
      runtimes: Record<string, { version: { version: string }; warnings: readonly string[] }>;
    }>('info');
    const { version, warnings = [] } = runtimes['runc'] ?? {};
    const old = /^1\.[012]\./.test(version?.version ?? '');
    expect(warnings.join()).toMatch(old ? /runc .* has known ways out .*install/ : /^$/);
    const log = await readFile(`/run/davit-${nodeEnv()['DAVIT_NODE']}/log/davitd.log`, 'utf8');
    expect(log.includes('has known ways out')).toBe(old);
  });

  it(`CVE-2023-44487: bears ${RESETS} calls that are reset at once`, { timeout: LONG_MS }, async () => {
    using cri = connectCri();
    const before = await residentBytes();
    for (let left = RESETS; left > 0;) left -= await resetCalls(Math.min(left, 1000));
    expect(await cri.call('Version', {})).toMatchObject({ runtimeName: 'davit' });
    await eventually('a davitd at rest', atRest);
    expect((await residentBytes()) - before).toBeLessThan(128 * MIB);
  });

  it(
    `CVE-2022-23471: leaves nothing of ${EXECS} execs with a terminal that cannot be started`,
    { timeout: LONG_MS },
    async () => {
      await using pod = await Pod.run('missing');
      const containerId = await pod.start('main');
      using cri = connectCri();
      const exec = async (): Promise<void> => {
        const request = { containerId, cmd: ['no-such-command'], tty: true, stdin: true, stdout: true };
        const socket = await open(cri, 'Exec', request);
        resize(socket);
        await closed(socket);
      };
      expect(await growth(exec, EXECS)).toBeLessThan(64 * MIB);
    },
  );

  it(`CVE-2025-64329: leaves nothing of ${ATTACHES} clients that attach and go`, { timeout: LONG_MS }, async () => {
    await using pod = await Pod.run('attached');
    const containerId = await pod.start('main', { command: ['sh'], stdin: true, tty: true });
    using cri = connectCri();
    const attach = async (): Promise<void> => {
      const socket = await open(cri, 'Attach', { containerId, tty: true, stdin: true, stdout: true });
      resize(socket);
      socket.terminate();
      await closed(socket);
    };
    expect(await growth(attach, ATTACHES)).toBeLessThan(64 * MIB);
    const { state } = (await crictlJson<{ status: { state: string } }>('inspect', containerId)).status;
    expect(state).toBe('CONTAINER_RUNNING');
  });
});

/** One connection on which calls begin and are reset; returns how many were sent before either side ended it. */
async function resetCalls(count: number): Promise<number> {
  const path = (nodeEnv()['CONTAINER_RUNTIME_ENDPOINT'] ?? '').replace(/^unix:\/\//, '');
  const session = connect('http://localhost', { createConnection: () => connectSocket(path) });
  session.on('error', () => undefined); // davitd may hang up on such a client
  const headers = { 'content-type': 'application/grpc', te: 'trailers' };
  let sent = 0;
  while (sent < count && !session.destroyed && !session.closed) {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/runtime.v1.RuntimeService/ListContainers',
      ...headers,
    });
    stream.on('error', () => undefined);
    stream.close(8); // CANCEL
    sent += 1;
    if (sent % 100 === 0) await sleep(0);
  }
  session.destroy();
  return Math.max(sent, 1);
}

/** Whether davitd used less than a fifth of a processor just now. */
async function atRest(): Promise<true | undefined> {
  const before = await cpuTicks();
  await sleep(1000);
  return (await cpuTicks()) - before < 20 ? true : undefined;
}

async function open(cri: CriClient, method: string, request: object): Promise<WebSocket> {
  const { url } = await cri.call<{ url: string }>(method, request);
  const socket = new WebSocket(url.replace(/^http/, 'ws'), 'v5.channel.k8s.io');
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.on('open', resolve));
  return socket;
}

function resize(socket: WebSocket): void {
  for (let n = 0; n < 10; n++) {
    const size = JSON.stringify({ Width: 80 + n, Height: 24 });
    socket.send(Buffer.concat([Buffer.from([4]), Buffer.from(size)]));
  }
}

async function closed(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return;
  await new Promise((resolve) => socket.on('close', resolve));
}

/** Does it often, some at a time: by how many bytes davitd has grown since the first few. Waits until all else is gone. */
async function growth(work: () => Promise<void>, times: number): Promise<number> {
  const batch = async (count: number): Promise<void> => {
    let left = count;
    const worker = async (): Promise<void> => {
      while (left-- > 0) await work();
    };
    await Promise.all(Array.from({ length: 8 }, worker));
  };
  await batch(16);
  await eventually('a davitd at rest', atRest);
  const [open, sockets, memory] = [(await descriptors()).join(), await connections(), await residentBytes()];
  await batch(times);
  await eventually('the end of all connections', async () => ((await connections()) <= sockets ? true : undefined));
  await eventually('no more open files than before', async () =>
    (await descriptors()).join() === open ? true : undefined,
  );
  return (await residentBytes()) - memory;
}
