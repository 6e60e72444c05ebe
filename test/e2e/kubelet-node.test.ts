import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { Daemon, processesOf } from './support/daemon.ts';
import { BUSYBOX, Pod, crictlJson, eventually, mustCrictl, nodeEnv } from './support/node.ts';
import { must, run } from './support/run.ts';
import { ScriptedNetwork } from './support/scripted-network.ts';

/** What the kubelet expects of a node beyond what conformance tests look at; the numbers are those of our list. */

const MIB = 1024 * 1024;
const CERTS = (): string => `/run/davit-${nodeEnv()['DAVIT_NODE']}/certs.d`;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

interface Condition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
}

interface Status {
  readonly status: { readonly conditions: readonly Condition[] };
  readonly runtimeHandlers: readonly { readonly name: string; readonly features: Readonly<Record<string, boolean>> }[];
}

async function conditionsOf(cri: CriClient): Promise<Readonly<Record<string, boolean>>> {
  const { status } = await cri.call<Status>('Status', {});
  return Object.fromEntries(status.conditions.map(({ type, status: holds }) => [type, holds]));
}

describe('a davitd that has not found its pods again', () => {
  it('K1: answers Version, Status and ImageFsInfo, and no more', async () => {
    await using daemon = await Daemon.launch([
      '--containerd-address',
      `/run/davit-${nodeEnv()['DAVIT_NODE']}/none.sock`,
    ]);
    using cri = connectCri({ address: daemon.endpoint });
    using images = connectCri({ address: daemon.endpoint, service: 'ImageService' });
    const version = await eventually('an answer', () => cri.call<object>('Version', {}).catch(() => undefined));
    expect(version).toMatchObject({ runtimeApiVersion: 'v1' });
    expect(await images.call('ImageFsInfo', {})).toHaveProperty('imageFilesystems');
    expect(await conditionsOf(cri)).toMatchObject({ RuntimeReady: false });
    const list = cri.call('ListPodSandbox', {}, { deadlineMs: 1000 });
    await expect(list).rejects.toThrow(/DEADLINE_EXCEEDED|UNAVAILABLE/);
  });
});

describe('messages', () => {
  it('K2: of up to 16 MiB pass in both directions', async () => {
    using cri = connectCri();
    const labelSelector = { large: 'x'.repeat(15 * MIB) };
    expect(await cri.call('ListContainers', { filter: { labelSelector } })).toEqual({ containers: [] });
    await using pod = await Pod.run('large');
    for (let n = 0; n < 5; n++) {
      await cri.call('CreateContainer', {
        podSandboxId: pod.id,
        config: {
          metadata: { name: `c${n}` },
          image: { image: BUSYBOX },
          annotations: { large: 'x'.repeat(MIB - 100) },
        },
      });
    }
    const { containers } = await crictlJson<{ containers: object[] }>('ps', '-a', '-o', 'json', '--pod', pod.id);
    expect(containers).toHaveLength(5);
  });

  it.each([
    ['StreamPodSandboxes', 'RuntimeService'],
    ['StreamContainers', 'RuntimeService'],
    ['StreamImages', 'ImageService'],
  ] as const)(
    'K2: %s is either there or Unimplemented, by which the kubelet asks for the whole list',
    async (name, service) => {
      using cri = connectCri({ service });
      expect(['OK', 'UNIMPLEMENTED']).toContain(await cri.streamEnd(name, {}));
    },
  );
});

/** Flags of a davitd of the test's own on the node's containerd, where it has a namespace for itself. */
function onNamespace(name: string): readonly string[] {
  return ['--containerd-address', nodeEnv()['CONTAINERD_ADDRESS'] ?? '', '--containerd-namespace', name];
}

const sharing = (options: object): object => ({ linux: { securityContext: { namespaceOptions: options } } });

describe('a davitd with a network of its own', () => {
  let dir: string;
  let network: ScriptedNetwork;

  beforeEach(async () => {
    dir = await mkdtemp('/run/dvn');
    network = await ScriptedNetwork.create(dir);
  });

  afterEach(async () => {
    await rm(dir, { recursive: true });
  });

  it('K3: has a deadline end the wait of its caller alone: the same request again, in another order, gets what was being made', async () => {
    await using daemon = await Daemon.start([...onNamespace('davit-slow'), ...network.flags]);
    using cri = connectCri({ address: daemon.endpoint });
    await network.hold();
    const [metadata, first] = [
      { name: 'slow', uid: 'u-slow', namespace: 'default' },
      { a: '1', b: '2', c: '3' },
    ];
    await expect(
      cri.runPod('slow', { metadata, labels: first, annotations: first }, { deadlineMs: 2000 }),
    ).rejects.toThrow('DEADLINE_EXCEEDED');
    expect(await cri.call('ListPodSandbox', {})).toEqual({ items: [] });
    const second = { c: '3', b: '2', a: '1' };
    const again = cri.runPod('slow', { metadata, labels: second, annotations: second });
    await network.letGo();
    expect(await cri.call('ListPodSandbox', { filter: { id: await again } })).toMatchObject({ items: [{}] });
    expect(await network.asked('ADD')).toBe(1);
  });

  it('K10: after a reboot has its pods NOTREADY and its containers EXITED, and removes them', async () => {
    await using daemon = await Daemon.start([
      ...onNamespace('davit-reboot'),
      '--registry-config-path',
      CERTS(),
      ...network.flags,
    ]);
    await daemon.mustCrictl('pull', BUSYBOX);
    using cri = connectCri({ address: daemon.endpoint });
    const pods = [
      await cri.runPod('own'),
      await cri.runPod('shared', sharing({ network: 'NODE', ipc: 'NODE', pid: 'CONTAINER' })),
      await cri.runPod('pause', sharing({ pid: 'POD' })),
    ];
    const containers = [];
    for (const podSandboxId of pods) {
      const config = { metadata: { name: 'main' }, image: { image: BUSYBOX }, command: ['sleep', '1000'] };
      const { containerId } = await cri.call<{ containerId: string }>('CreateContainer', { podSandboxId, config });
      await cri.startContainer(containerId);
      containers.push(containerId);
    }
    await daemon.end('KILL');
    await reboot(daemon, 'davit-reboot', [...containers, ...pods]);
    await daemon.start();
    for (const id of containers) expect(await cri.exited(id)).toMatchObject({ exitCode: 255 });
    const { items } = await cri.call<{ items: { id: string; state: string }[] }>('ListPodSandbox', {});
    expect(items.map(({ id, state }) => `${id} ${state}`).toSorted()).toEqual(
      pods.map((id) => `${id} SANDBOX_NOTREADY`).toSorted(),
    );
    for (const podSandboxId of pods) await cri.call('RemovePodSandbox', { podSandboxId });
    expect(await network.asked('DEL')).toBe(2);
  });

  it('K19: ends pods though the configuration of their network is gone', async () => {
    await using daemon = await Daemon.start([...onNamespace('davit-unconfigured'), ...network.flags]);
    using cri = connectCri({ address: daemon.endpoint });
    const podSandboxId = await cri.runPod('left');
    await network.removeConfiguration();
    await eventually('a network that is not ready', async () =>
      (await conditionsOf(cri))['NetworkReady'] === false ? true : undefined,
    );
    for (let n = 0; n < 5; n++) await cri.call('StopPodSandbox', { podSandboxId });
    expect(await network.asked('DEL')).toBeGreaterThanOrEqual(1);
    await cri.call('RemovePodSandbox', { podSandboxId });
    await cri.call('RemovePodSandbox', { podSandboxId });
    expect(await cri.call('ListPodSandbox', {})).toEqual({ items: [] });
  });
});

/** What a reboot does to the things of a davitd that is not there: its processes and all below /run are gone. */
async function reboot(daemon: Daemon, namespace: string, tasks: readonly string[]): Promise<void> {
  for (const pid of await processesOf(daemon.dir)) process.kill(pid, 'SIGKILL');
  for (const task of tasks) {
    await run('ctr', ['-n', namespace, 'tasks', 'delete', '--force', task], nodeEnv());
  }
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '');
  for (const mount of mounts.filter((path) => path.startsWith(`${daemon.state}/`)).toReversed()) {
    await must('umount', ['--lazy', mount]);
  }
  await rm(daemon.state, { recursive: true });
}

describe('the status of a node', () => {
  it('K4: has the two conditions, which hold', async () => {
    using cri = connectCri();
    expect(await conditionsOf(cri)).toMatchObject({ RuntimeReady: true, NetworkReady: true });
  });

  it('K4: without a network says so, and has pods on the node’s network run', async () => {
    await using daemon = await Daemon.start([...onNamespace('davit-nonet'), '--cni-conf-dir', '/run/davit-no-such']);
    using cri = connectCri({ address: daemon.endpoint });
    expect(await conditionsOf(cri)).toMatchObject({ RuntimeReady: true, NetworkReady: false });
    expect(await cri.runPod('node', sharing({ network: 'NODE' }))).toMatch(/^[0-9a-f]{64}$/);
    await expect(cri.runPod('pod')).rejects.toThrow('CNI');
  });

  it('K22: tells the cgroup driver', async () => {
    using cri = connectCri();
    const reply = await cri.call<{ linux: { cgroupDriver: string } }>('RuntimeConfig', {});
    expect(['CGROUPFS', 'SYSTEMD']).toContain(reply.linux.cgroupDriver);
  });

  it('K24: lists the default handler by "" and by its name, each with what it can do', async () => {
    using cri = connectCri();
    const { runtimeHandlers } = await cri.call<Status>('Status', {});
    const [unnamed, ...named] = runtimeHandlers;
    expect(unnamed?.name).toBe('');
    expect(named.map(({ name }) => name)).toContain('runc');
    expect(Object.keys(unnamed?.features ?? {})).toEqual(
      expect.arrayContaining(['recursiveReadOnlyMounts', 'userNamespaces']),
    );
    expect(named.find(({ name }) => name === 'runc')?.features).toEqual(unnamed?.features);
  });

  it('K29: has a name that never changes and a semantic version', async () => {
    using cri = connectCri();
    expect(await cri.call('Version', { version: '0.1.0' })).toEqual({
      version: '0.1.0',
      runtimeName: 'davit',
      runtimeVersion: expect.stringMatching(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/),
      runtimeApiVersion: 'v1',
    });
  });

  it.each(['', '10.200.0.0/24', '10.200.0.0/24,fd00:200::/64'])('K30: takes the ranges of pods %j', async (podCidr) => {
    using cri = connectCri();
    const runtimeConfig = { networkConfig: { podCidr } };
    expect(await cri.call('UpdateRuntimeConfig', { runtimeConfig })).toEqual({});
    expect(await cri.call('UpdateRuntimeConfig', {})).toEqual({});
  });
});

describe('a checkpoint', () => {
  it.each(['CheckpointContainer', 'CheckpointPod', 'RestorePod'])('K28: %s is refused by name', async (method) => {
    using cri = connectCri();
    await expect(cri.call(method, { containerId: 'x', location: '/tmp/x.tar', timeout: 1 })).rejects.toThrow(
      new RegExp(`UNIMPLEMENTED: ${method}`),
    );
  });
});
