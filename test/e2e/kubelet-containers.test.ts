import { mkdir, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sh } from './support/containers.ts';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { BUSYBOX, Pod, crictl, eventually, exited, mustCrictl, parseLog } from './support/node.ts';

/** What the kubelet expects of containers beyond what conformance tests look at; the numbers are those of our list. */

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

interface Status {
  readonly id: string;
  readonly state: string;
  readonly createdAt: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly imageRef: string;
  readonly imageId: string;
  readonly image: { readonly image: string; readonly userSpecifiedImage: string };
  readonly metadata: { readonly name: string; readonly attempt: number };
  readonly mounts: readonly object[];
  readonly logPath: string;
  readonly stopSignal: string;
  readonly user: { readonly linux: object };
}

async function statusOf(cri: CriClient, containerId: string): Promise<Status> {
  return (await cri.call<{ status: Status }>('ContainerStatus', { containerId })).status;
}

describe('the status of a container', () => {
  it('K5: has id, name, time of creation, image and reference of the image, from the start', async () => {
    await using pod = await Pod.run('verified');
    using cri = connectCri();
    const id = await pod.create('main', { metadata: { name: 'main', attempt: 3 } });
    const status = await statusOf(cri, id);
    expect(status).toMatchObject({
      id,
      state: 'CONTAINER_CREATED',
      metadata: { name: 'main', attempt: 3 },
      image: { image: BUSYBOX },
      imageRef: expect.stringMatching(/@sha256:[0-9a-f]{64}$/),
      imageId: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      startedAt: '0',
      finishedAt: '0',
    });
    expect(Number(status.createdAt)).toBeGreaterThan(1.7e18);
  });

  it('K10: is CREATED until it starts, and then another attempt of its name can be made', async () => {
    await using pod = await Pod.run('attempts');
    using cri = connectCri();
    const first = await pod.create('main');
    expect((await statusOf(cri, first)).state).toBe('CONTAINER_CREATED');
    const second = await pod.start('main', { metadata: { name: 'main', attempt: 1 }, log_path: 'main/1.log' });
    expect((await statusOf(cri, second)).state).toBe('CONTAINER_RUNNING');
    await expect(pod.create('main')).rejects.toThrow(/AlreadyExists.*main/);
    await cri.call('StopContainer', { containerId: first, timeout: '2' });
    await cri.removeContainer(first);
    expect(await pod.create('main')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('K16: gives back the mount of the termination message as the kubelet wrote it', async () => {
    await using pod = await Pod.run('termination');
    using cri = connectCri();
    const file = join(pod.dir, 'message');
    await writeFile(file, '');
    // Neither path is made shorter or nicer: the kubelet compares strings.
    const mount = { container_path: '/dev/termination-log', host_path: join(pod.dir, '.', 'message') };
    const id = await pod.start('main', { ...sh('echo the end > /dev/termination-log'), mounts: [mount] });
    await exited(id);
    const { mounts } = await statusOf(cri, id);
    expect(mounts).toMatchObject([{ containerPath: mount.container_path, hostPath: mount.host_path }]);
    expect(await readFile(file, 'utf8')).toBe('the end\n');
  });

  it.each([
    ['true', 'Completed', 0],
    ['exit 3', 'Error', 3],
    ['kill -9 $$; sleep 1000', 'Error', 137],
  ])('K17: after %s has times, code and the reason %s', async (script, reason, exitCode) => {
    await using pod = await Pod.run('ended');
    using cri = connectCri();
    const id = await pod.start('main', sh(script));
    await exited(id);
    const status = await statusOf(cri, id);
    expect(status).toMatchObject({ state: 'CONTAINER_EXITED', reason, exitCode });
    expect(BigInt(status.startedAt)).toBeGreaterThanOrEqual(BigInt(status.createdAt));
    expect(BigInt(status.finishedAt)).toBeGreaterThanOrEqual(BigInt(status.startedAt));
  });

  it('K17: of one that cannot be started has times, too, and a message for people', async () => {
    await using pod = await Pod.run('unstartable');
    using cri = connectCri();
    const id = await pod.create('main', { command: ['/no/such/program'] });
    expect((await crictl('start', id)).code).not.toBe(0);
    const status = await statusOf(cri, id);
    expect(status).toMatchObject({ state: 'CONTAINER_EXITED', reason: 'StartError', exitCode: 128 });
    expect(status.message).toContain('/no/such/program');
    expect(BigInt(status.startedAt)).toBeGreaterThanOrEqual(BigInt(status.createdAt));
    expect(BigInt(status.finishedAt)).toBeGreaterThanOrEqual(BigInt(status.startedAt));
  });

  it('K17: is OOMKilled for the death of the container itself, not for that of a child, nor after it', async () => {
    const limit = 20 * 1024 * 1024;
    const linux = { resources: { memory_limit_in_bytes: limit, memory_swap_limit_in_bytes: limit } };
    const hungry = 'dd if=/dev/zero of=/dev/null bs=200M count=10';
    await using pod = await Pod.run('oom');
    using cri = connectCri();
    const itself = await pod.start('itself', { ...sh(`exec ${hungry}`), linux });
    const child = await pod.start('child', { ...sh(`${hungry}; echo child $?; exit 0`), linux });
    const later = await pod.start('later', { ...sh(`${hungry}; echo child $?; sleep 1000`), linux });
    expect(await cri.exited(itself)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    expect(await cri.exited(child)).toMatchObject({ exitCode: 0, reason: 'Completed' });
    await eventually('the death of the child', async () =>
      (await pod.log('later')).some((line) => line.text === 'child 137') ? true : undefined,
    );
    await mustCrictl('stop', '--timeout', '0', later);
    expect(await cri.exited(later)).toMatchObject({ exitCode: 137, reason: 'Error' });
  });

  it('K31: names the image as it was asked for, the user and the signal that stops it', async () => {
    const [tags, user] = [
      ['1', '2'].map((tag) => `registry.k8s.io/k8s-staging-cri-tools/test-image-tags:${tag}`),
      { run_as_user: { value: 1000 }, run_as_group: { value: 1001 }, supplemental_groups: [1002] },
    ];
    for (const tag of tags) await mustCrictl('pull', tag);
    await using pod = await Pod.run('named');
    using cri = connectCri();
    for (const [n, tag] of tags.entries()) {
      const id = await pod.create(`c${n}`, {
        image: { image: tag },
        stop_signal: 29, // SIGUSR1
        linux: { security_context: user },
      });
      expect(await statusOf(cri, id)).toMatchObject({
        image: { image: tag },
        stopSignal: 'SIGNAL_SIGUSR1',
        user: { linux: { uid: '1000', gid: '1001', supplementalGroups: ['1001', '1002'] } },
      });
      const { containers } = await cri.call<{ containers: object[] }>('ListContainers', { filter: { id } });
      expect(containers).toMatchObject([{ image: { image: tag } }]);
    }
    const unsaid = await pod.create('unsaid');
    // RUNTIME_DEFAULT would mean that davit does not know of signals.
    expect((await statusOf(cri, unsaid)).stopSignal).toBe('SIGNAL_SIGTERM');
  });
});

async function has(path: string, lines: number): Promise<true | undefined> {
  return parseLog(await readFile(path, 'utf8')).length >= lines ? true : undefined;
}

describe('the log of a container', () => {
  it('K15: is there when the start returns, in folders that are made for it, and is appended to', async () => {
    await using pod = await Pod.run('log');
    const file = join(pod.dir, 'logs', 'deep', 'main', '0.log');
    await mkdir(join(pod.dir, 'logs', 'deep', 'main'), { recursive: true });
    await writeFile(file, '2024-01-01T00:00:00.000000000Z stdout F before\n');
    const id = await pod.start('main', { ...sh('echo after'), log_path: 'deep/main/0.log' });
    expect((await stat(file)).isFile()).toBe(true);
    await exited(id);
    expect(parseLog(await readFile(file, 'utf8')).map((line) => line.text)).toEqual(['before', 'after']);
  });

  it('K15: goes on in a new file after a rotation, and is in the old one when that fails', async () => {
    await using pod = await Pod.run('rotated');
    using cri = connectCri();
    const logs = join(pod.dir, 'logs');
    const [file, old] = [join(logs, 'main.log'), join(logs, 'main.log.1')];
    const id = await pod.start('main', sh('i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done'));
    await eventually('lines in the first file', () => has(file, 3));
    await rename(file, old);
    await cri.call('ReopenContainerLog', { containerId: id });
    await eventually('lines in the second file', () => has(file, 3));
    const lines = async (): Promise<readonly string[]> =>
      [...parseLog(await readFile(old, 'utf8')), ...parseLog(await readFile(file, 'utf8'))].map((line) => line.text);
    await mustCrictl('stop', '--timeout', '0', id);
    const all = await lines();
    expect(all).toEqual(Array.from({ length: all.length }, (_, n) => String(n + 1)));
    // The kubelet takes an error for "rename it back": there must be no new file.
    await rename(file, old);
    await expect(cri.call('ReopenContainerLog', { containerId: id })).rejects.toMatchObject({ code: 9 });
    expect(await readdir(logs)).toEqual(['main.log.1']);
  });

  it('K8: has one file for each attempt', async () => {
    await using pod = await Pod.run('attempts');
    using cri = connectCri();
    for (const attempt of [0, 1]) {
      const options = {
        ...sh(`echo ${attempt}`),
        metadata: { name: 'main', attempt },
        log_path: `main/${attempt}.log`,
      };
      const id = await pod.start('main', options);
      await exited(id);
      expect((await statusOf(cri, id)).logPath).toBe(join(pod.dir, 'logs', `main/${attempt}.log`));
    }
    expect((await readdir(join(pod.dir, 'logs', 'main'))).toSorted()).toEqual(['0.log', '1.log']);
  });
});

describe('the end of a container', () => {
  it('K18: comes sooner when a second stop has a shorter grace period', async () => {
    await using pod = await Pod.run('impatient');
    using cri = connectCri();
    const id = await pod.start('main', sh("trap 'echo not yet' TERM; echo ready; while :; do sleep 0.1; done"));
    const lines = async (): Promise<number> => (await pod.log('main')).length;
    await eventually('the trap', async () => ((await lines()) === 1 ? true : undefined));
    const patient = cri.call('StopContainer', { containerId: id, timeout: '600' }, { deadlineMs: 110_000 });
    await eventually('the first stop', async () => ((await lines()) === 2 ? true : undefined));
    await cri.call('StopContainer', { containerId: id, timeout: '1' });
    expect(await cri.exited(id)).toMatchObject({ exitCode: 137 });
    expect(await patient).toEqual({});
  });

  it('K3: is waited for as long as the grace period says', async () => {
    await using pod = await Pod.run('patient');
    using cri = connectCri();
    const id = await pod.start('main', sh("trap 'sleep 4; exit 5' TERM; echo ready; while :; do sleep 0.1; done"));
    await eventually('the trap', async () => ((await pod.log('main')).length > 0 ? true : undefined));
    await cri.call('StopContainer', { containerId: id, timeout: '60' });
    expect(await statusOf(cri, id)).toMatchObject({ state: 'CONTAINER_EXITED', exitCode: 5 });
  });

  it('K32: may be asked for by two at once', async () => {
    await using pod = await Pod.run('twice');
    using cri = connectCri();
    const id = await pod.start('main');
    await Promise.all([cri.removeContainer(id), cri.removeContainer(id)]);
    await expect(statusOf(cri, id)).rejects.toMatchObject({ code: 5 });
  });
});
