import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient } from './support/admin-client.ts';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { BUSYBOX, Pod, eventually, exited, mustCrictl, nodeEnv } from './support/node.ts';

interface CriEvent {
  readonly containerId: string;
  readonly containerEventType: string;
  readonly createdAt: string;
  readonly podSandboxStatus: { readonly id: string; readonly state: string; readonly metadata: { uid: string } };
  readonly containersStatuses: readonly ContainerStatus[];
}

interface ContainerStatus {
  readonly id: string;
  readonly state: string;
  readonly exitCode: number;
  readonly finishedAt: string;
  readonly reason: string;
}

interface PodStatus {
  readonly timestamp: string;
  readonly containersStatuses: readonly ContainerStatus[];
}

interface AdminEvent {
  readonly time: string;
  readonly object: string;
  readonly action: string;
  readonly id: string;
  readonly podName: string;
  readonly containerName: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What GetContainerEvents tells from now on, of one pod. */
class Watch implements Disposable {
  readonly events: CriEvent[] = [];
  readonly #stream: ReturnType<CriClient['stream']>;

  constructor(cri: CriClient) {
    this.#stream = cri.stream('GetContainerEvents', {});
    this.#stream.on('data', (event: CriEvent) => this.events.push(event));
    this.#stream.on('error', () => undefined);
  }

  of(podId: string): readonly CriEvent[] {
    return this.events.filter(({ podSandboxStatus }) => podSandboxStatus.id === podId);
  }

  async until(podId: string, what: string, test: (event: CriEvent) => boolean): Promise<CriEvent> {
    return await eventually(what, async () => this.of(podId).find(test));
  }

  [Symbol.dispose](): void {
    this.#stream.cancel();
  }
}

const type = (name: string) => `CONTAINER_${name}_EVENT`;

let cri: CriClient;
let admin: AdminClient;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
  cri = connectCri();
  admin = new AdminClient(nodeEnv()['DAVIT_ADMIN'] ?? '');
});

afterAll(() => {
  cri[Symbol.dispose]();
  admin[Symbol.dispose]();
});

async function ask(request: object): Promise<readonly AdminEvent[]> {
  const parts = await admin.collect<{ events: AdminEvent[] }>('Events', request);
  return parts.flatMap(({ events }) => events);
}

/** Events are told from the time the stream is open: a pod that is told of says that it is. */
async function opened(watch: Watch): Promise<void> {
  await eventually('an open stream', async () => {
    await using probe = await Pod.run('events-probe');
    return watch.of(probe.id).length > 0 ? true : undefined;
  });
}

describe('GetContainerEvents', () => {
  it('tells the life of a pod in order, each event with the pod as it was then', async () => {
    using watch = new Watch(cri);
    await opened(watch);
    const pod = await Pod.run('events');
    const first = await pod.start('first', { command: ['sh', '-c', 'exit 3'] });
    const stopped = await watch.until(
      pod.id,
      'the end of the container',
      (event) => event.containerId === first && event.containerEventType === type('STOPPED'),
    );
    // The status that came along is the one that stays.
    const { status } = await cri.call<{ status: ContainerStatus }>('ContainerStatus', { containerId: first });
    expect(stopped.containersStatuses.find(({ id }) => id === first)).toMatchObject({
      state: 'CONTAINER_EXITED',
      exitCode: 3,
      reason: 'Error',
      finishedAt: status.finishedAt,
    });
    const second = await pod.create('second');
    const between = await cri.call<PodStatus>('PodSandboxStatus', { podSandboxId: pod.id });
    await mustCrictl('start', second);
    await pod[Symbol.asyncDispose]();
    await watch.until(
      pod.id,
      "the pod's removal",
      (event) => event.containerId === pod.id && event.containerEventType === type('DELETED'),
    );
    const names = new Map([
      [pod.id, 'pod'],
      [first, 'first'],
      [second, 'second'],
    ]);
    const told = watch.of(pod.id).map(({ containerId, containerEventType }) => {
      return `${names.get(containerId)} ${containerEventType}`;
    });
    expect(told.slice(0, 7)).toEqual([
      `pod ${type('CREATED')}`,
      `pod ${type('STARTED')}`,
      `first ${type('CREATED')}`,
      `first ${type('STARTED')}`,
      `first ${type('STOPPED')}`,
      `second ${type('CREATED')}`,
      `second ${type('STARTED')}`,
    ]);
    expect(told.slice(7).toSorted()).toEqual(
      [
        `first ${type('DELETED')}`,
        `second ${type('STOPPED')}`,
        `second ${type('DELETED')}`,
        `pod ${type('STOPPED')}`,
        `pod ${type('DELETED')}`,
      ].toSorted(),
    );
    expect(told.at(-1)).toBe(`pod ${type('DELETED')}`);
    const times = watch.events.map(({ createdAt }) => BigInt(createdAt));
    expect(times.filter((time, n) => n > 0 && time <= (times[n - 1] ?? 0n))).toEqual([]);
    const started = watch.of(pod.id)[6];
    expect(BigInt(between.timestamp) > BigInt(stopped.createdAt)).toBe(true);
    expect(BigInt(between.timestamp) < BigInt(started?.createdAt ?? 0)).toBe(true);
    expect(between.containersStatuses.map(({ id, state }) => [id, state])).toEqual([
      [first, 'CONTAINER_EXITED'],
      [second, 'CONTAINER_CREATED'],
    ]);
  });

  it('tells an OOM kill by the reason, and a start that failed by its end', async () => {
    using watch = new Watch(cri);
    await opened(watch);
    await using pod = await Pod.run('events-ends');
    const broken = await pod.create('broken', { command: ['/no/such/program'] });
    await expect(mustCrictl('start', broken)).rejects.toThrow('no/such/program');
    const eater = await pod.start('eater', {
      command: ['tail', '-c', '64000000', '/dev/zero'],
      linux: { resources: { memory_limit_in_bytes: 8 * 1024 * 1024 } },
    });
    expect((await exited(eater)).reason).toBe('OOMKilled');
    const ends = await Promise.all(
      [broken, eater].map((id) =>
        watch.until(
          pod.id,
          `the end of ${id}`,
          (event) => event.containerId === id && event.containerEventType === type('STOPPED'),
        ),
      ),
    );
    const reasons = ends.map(({ containerId, containersStatuses }) => {
      return containersStatuses.find(({ id }) => id === containerId)?.reason;
    });
    expect(reasons).toEqual(['StartError', 'OOMKilled']);
  });
});

describe('the streamed lists', () => {
  it('have what the lists have', async () => {
    await using pod = await Pod.run('streamed');
    await pod.start('one');
    await pod.start('two');
    const filter = { podSandboxId: pod.id };
    const { containers } = await cri.call<{ containers: object[] }>('ListContainers', { filter });
    const parts = await cri.collect<{ containers: object[] }>('StreamContainers', { filter });
    expect(parts.flatMap((part) => part.containers)).toEqual(containers);
    expect(containers).toHaveLength(2);
    const { items } = await cri.call<{ items: object[] }>('ListPodSandbox', { filter: { id: pod.id } });
    const pods = await cri.collect<{ podSandboxes: object[] }>('StreamPodSandboxes', { filter: { id: pod.id } });
    expect(pods.flatMap((part) => part.podSandboxes)).toEqual(items);
    const stats = await cri.collect<{ podSandboxStats: { linux: { containers: object[] } }[] }>(
      'StreamPodSandboxStats',
      { filter: { id: pod.id } },
    );
    expect(stats.flatMap((part) => part.podSandboxStats.flatMap(({ linux }) => linux.containers))).toHaveLength(2);
    const used = await cri.collect<{ containerStats: object[] }>('StreamContainerStats', { filter });
    expect(used.flatMap((part) => part.containerStats)).toHaveLength(2);
    const metrics = await cri.collect<{ podSandboxMetrics: { podSandboxId: string }[] }>('StreamPodSandboxMetrics', {});
    expect(metrics.flatMap((part) => part.podSandboxMetrics.map(({ podSandboxId }) => podSandboxId))).toContain(pod.id);
    using images = connectCri({ service: 'ImageService' });
    const streamed = await images.collect<{ images: { repoTags: string[] }[] }>('StreamImages', {});
    expect(streamed.flatMap((part) => part.images.flatMap(({ repoTags }) => repoTags))).toContain(BUSYBOX);
  });
});

describe('the admin socket', () => {
  it('keeps what happened, for those who ask later', async () => {
    const pod = await Pod.run('history', { labels: { kept: 'yes' } });
    await exited(await pod.start('brief', { command: ['sh', '-c', 'exit 7'] }));
    await pod[Symbol.asyncDispose]();
    const all = await ask({ podName: 'history' });
    expect(all.map(({ object, action }) => `${object} ${action}`)).toEqual([
      'sandbox created',
      'sandbox started',
      'container created',
      'container started',
      'container stopped',
      'sandbox stopped',
      'container deleted',
      'sandbox deleted',
    ]);
    const [stopped] = await ask({ id: pod.id.slice(0, 13), actions: ['stopped'], objects: ['container'] });
    expect(stopped).toMatchObject({ containerName: 'brief', attributes: { exit_code: '7', reason: 'Error' } });
    expect(await ask({ labels: { kept: 'yes' } })).toHaveLength(4);
    expect(await ask({ podName: 'history', since: all[5]?.time })).toEqual(all.slice(5));
    const pulled = await ask({ objects: ['image'], actions: ['pulled'] });
    expect(pulled.map(({ attributes }) => attributes['reference'])).toContain(BUSYBOX);
  });

  it('shows usage, health, and all that davitd knows but secrets', async () => {
    await using pod = await Pod.run('topped');
    await pod.start('main', { envs: [{ key: 'TOKEN', value: 'hunter2-hunter2' }] });
    const { pods, node } = await admin.call<{ pods: TopPod[]; node: { cpus: number } }>('Admin', 'Top', {
      podName: 'topped',
    });
    expect(node.cpus).toBeGreaterThan(0);
    expect(pods.map(({ name, ips }) => [name, ips.length > 0])).toEqual([['topped', true]]);
    expect(Number(pods[0]?.containers[0]?.usage.memoryWorkingSetBytes)).toBeGreaterThan(0);
    expect(await admin.call('Health', 'Check', { service: 'runtime.v1.RuntimeService' })).toEqual({
      status: 'SERVING',
    });
    expect(await admin.call('Admin', 'ImageWork', {})).toMatchObject({ pulls: [] });
    const parts = await admin.collect<{ data: Buffer }>('Dump', {});
    const dump = Buffer.concat(parts.map(({ data }) => data)).toString();
    expect(dump).toContain(pod.id);
    expect(dump).toContain('TOKEN=…');
    expect(dump).not.toContain('hunter2');
  });
});

interface TopPod {
  readonly name: string;
  readonly ips: readonly string[];
  readonly containers: readonly { readonly usage: { readonly memoryWorkingSetBytes: string } }[];
}
