import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { BUSYBOX, Pod, mustCrictl, restartDavitd } from './support/node.ts';

/** What the kubelet expects of pods beyond what conformance tests look at; the numbers are those of our list. */

const UNKNOWN_ID = 'f'.repeat(64);

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

interface PodStatus {
  readonly status: {
    readonly id: string;
    readonly state: string;
    readonly createdAt: string;
    readonly metadata: { readonly name: string; readonly uid: string; readonly namespace: string };
    readonly network: { readonly ip: string } | null;
    readonly linux: { readonly namespaces: { readonly options: Readonly<Record<string, unknown>> } };
  };
}

interface Listed {
  readonly id: string;
  readonly createdAt: string;
  readonly state: string;
}

async function podStatus(cri: CriClient, podSandboxId: string): Promise<PodStatus['status']> {
  return (await cri.call<PodStatus>('PodSandboxStatus', { podSandboxId })).status;
}

describe('the status of a pod', () => {
  it('K5: has id, names and the time of its creation', async () => {
    await using pod = await Pod.run('verified');
    using cri = connectCri();
    const { id, metadata, createdAt } = await podStatus(cri, pod.id);
    expect({ id, metadata }).toEqual({
      id: pod.id,
      metadata: { name: 'verified', uid: expect.stringContaining('uid-verified'), namespace: 'default', attempt: 0 },
    });
    expect(Number(createdAt)).toBeGreaterThan(1.7e18);
  });

  it.each([
    ['PodSandboxStatus', { podSandboxId: UNKNOWN_ID }],
    ['ContainerStatus', { containerId: UNKNOWN_ID }],
  ])('K6: %s of one that is not there is NotFound', async (method, request) => {
    using cri = connectCri();
    await expect(cri.call(method, request)).rejects.toMatchObject({ code: 5 });
  });

  it.each([
    ['StopPodSandbox', { podSandboxId: UNKNOWN_ID }],
    ['RemovePodSandbox', { podSandboxId: UNKNOWN_ID }],
    ['StopContainer', { containerId: UNKNOWN_ID, timeout: 2 }],
    ['RemoveContainer', { containerId: UNKNOWN_ID }],
  ])('K6: %s of one that is not there succeeds', async (method, request) => {
    using cri = connectCri();
    expect(await cri.call(method, request)).toEqual({});
  });

  it('K9: is READY with an address, and echoes the namespaces that were asked for', async () => {
    using cri = connectCri();
    const options = { network: 0, pid: 1, ipc: 0 };
    await using own = await Pod.run('own', { linux: { security_context: { namespace_options: options } } });
    const ownStatus = await podStatus(cri, own.id);
    expect(ownStatus.state).toBe('SANDBOX_READY');
    expect(ownStatus.network?.ip).toMatch(/^[\d.:a-f]+$/);
    expect(ownStatus.linux.namespaces.options).toMatchObject({ network: 'POD', pid: 'CONTAINER', ipc: 'POD' });
    const shared = { network: 2, pid: 2, ipc: 2 };
    await using node = await Pod.run('node', { linux: { security_context: { namespace_options: shared } } });
    const nodeStatus = await podStatus(cri, node.id);
    expect(nodeStatus.linux.namespaces.options).toMatchObject({ network: 'NODE', pid: 'NODE', ipc: 'NODE' });
    // Absent: an empty address would have the kubelet make the pod anew.
    expect(nodeStatus.network).toBeNull();
  });

  it('K9: is not READY before there is an address, in no list that is asked for meanwhile', async () => {
    using cri = connectCri();
    const made = Pod.run('watched');
    const seen = new Set<string>();
    const watched: string[] = [];
    for (let ended = false; !ended; ended = await Promise.race([made.then(() => true), sleep(1, false)])) {
      const { items } = await cri.call<{ items: Listed[] }>('ListPodSandbox', {});
      for (const { id } of items) {
        if (seen.has(id)) continue;
        seen.add(id);
        const { state, network, metadata } = await podStatus(cri, id);
        if (metadata.name === 'watched') watched.push(`${state} ${network?.ip ?? 'without an address'}`);
      }
    }
    await (await made)[Symbol.asyncDispose]();
    expect(watched.filter((line) => !/^SANDBOX_READY [\d.]+$/.test(line))).toEqual([]);
  });
});

describe('lists', () => {
  it('K7: select by labels exactly, and have ended containers until they are removed', async () => {
    const labels = { 'io.kubernetes.pod.uid': 'u-1', app: 'web' };
    await using pod = await Pod.run('labels', { labels });
    await using other = await Pod.run('others', { labels: { ...labels, 'io.kubernetes.pod.uid': 'u-11' } });
    using cri = connectCri();
    const selected = async (method: string, labelSelector: object): Promise<readonly string[]> => {
      const reply = await cri.call<Record<string, Listed[]>>(method, { filter: { labelSelector } });
      return Object.values(reply).flatMap((list) => list.map(({ id }) => id));
    };
    expect(await selected('ListPodSandbox', { 'io.kubernetes.pod.uid': 'u-1' })).toEqual([pod.id]);
    expect(await selected('ListPodSandbox', { 'io.kubernetes.pod.uid': 'u-1', app: 'We' })).toEqual([]);
    expect((await selected('ListPodSandbox', { app: 'web' })).toSorted()).toEqual([pod.id, other.id].toSorted());
    const ended = await pod.start('ended', { command: ['true'], labels });
    const created = await pod.create('created', { labels });
    await cri.exited(ended);
    const both = [ended, created].toSorted();
    expect((await selected('ListContainers', { 'io.kubernetes.pod.uid': 'u-1' })).toSorted()).toEqual(both);
    await mustCrictl('stopp', pod.id);
    expect((await selected('ListContainers', { 'io.kubernetes.pod.uid': 'u-1' })).toSorted()).toEqual(both);
    await mustCrictl('rm', ended);
    expect(await selected('ListContainers', { 'io.kubernetes.pod.uid': 'u-1' })).toEqual([created]);
  });

  it('select by id, by its beginning, by state and by pod, all at once', async () => {
    await using pod = await Pod.run('filters');
    const running = await pod.start('running');
    const created = await pod.create('created');
    using cri = connectCri();
    const containers = async (filter: object): Promise<readonly string[]> => {
      const reply = await cri.call<{ containers: Listed[] }>('ListContainers', { filter });
      return reply.containers.map(({ id }) => id);
    };
    expect(await containers({ id: running })).toEqual([running]);
    expect(await containers({ id: running.slice(0, 13) })).toEqual([running]);
    expect(await containers({ podSandboxId: pod.id, state: { state: 'CONTAINER_CREATED' } })).toEqual([created]);
    expect(await containers({ podSandboxId: pod.id.slice(0, 13), state: { state: 'CONTAINER_RUNNING' } })).toEqual([
      running,
    ]);
    expect(await containers({ id: running, state: { state: 'CONTAINER_EXITED' } })).toEqual([]);
    expect(await containers({ podSandboxId: UNKNOWN_ID })).toEqual([]);
    const pods = async (filter: object): Promise<readonly string[]> => {
      const reply = await cri.call<{ items: Listed[] }>('ListPodSandbox', { filter });
      return reply.items.map(({ id }) => id);
    };
    expect(await pods({ id: pod.id.slice(0, 13), state: { state: 'SANDBOX_READY' } })).toEqual([pod.id]);
    expect(await pods({ id: pod.id, state: { state: 'SANDBOX_NOTREADY' } })).toEqual([]);
    await mustCrictl('stopp', pod.id);
    expect(await pods({ id: pod.id, state: { state: 'SANDBOX_NOTREADY' } })).toEqual([pod.id]);
  });

  it('K8: tell attempts apart by the times of their creation, which grow, over a restart of davitd too', async () => {
    await using pod = await Pod.run('times');
    using cri = connectCri();
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.push(await cri.createContainer(pod, { name: `c${n}`, command: ['true'] }));
    await restartDavitd({ kill: true });
    for (let n = 3; n < 6; n++) ids.push(await cri.createContainer(pod, { name: `c${n}`, command: ['true'] }));
    const { containers } = await cri.call<{ containers: Listed[] }>('ListContainers', {
      filter: { podSandboxId: pod.id },
    });
    const byTime = containers.toSorted((a, b) => (BigInt(a.createdAt) < BigInt(b.createdAt) ? -1 : 1));
    expect(byTime.map(({ id }) => id)).toEqual(ids);
    expect(new Set(byTime.map(({ createdAt }) => createdAt)).size).toBe(ids.length);
  });
});

describe('the end of a pod', () => {
  it('K32: may be asked for by many at once, of pods and containers', async () => {
    using cri = connectCri();
    const podSandboxId = await cri.runPod('at-once');
    const id = await cri.createContainer({ id: podSandboxId }, { name: 'main', command: ['sleep', '1000'] });
    await cri.startContainer(id);
    const stops = Array.from({ length: 4 }, () => cri.call('StopPodSandbox', { podSandboxId }));
    const removals = Array.from({ length: 4 }, () => cri.call('RemoveContainer', { containerId: id }));
    await Promise.all([...stops, ...removals]);
    await Promise.all(Array.from({ length: 4 }, () => cri.call('RemovePodSandbox', { podSandboxId })));
    await expect(cri.call('PodSandboxStatus', { podSandboxId })).rejects.toMatchObject({ code: 5 });
  });
});
