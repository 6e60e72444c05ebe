import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../engine/index.ts';
import type { ContainerStats, SandboxStats } from '../engine/index.ts';
import { aContainer, aContainerId, aSandbox, aSandboxId } from './fake-engine.ts';
import { RuntimeService } from './generated/cri.js';
import { failure, serve } from './test-server.ts';

const TIME = 1_760_000_000_000_000_000n;

function containerStats(n: number, change: Partial<ContainerStats> = {}): ContainerStats {
  return {
    container: aContainer(n),
    cgroupPath: `/c${n}`,
    usage: {
      timestamp: TIME,
      nanoCores: 250_000_000,
      cpu: {
        usageNanos: 2 ** 60,
        pressure: { some: { totalNanos: 5000, avg10: 1.5, avg60: 0.5, avg300: 0 } },
      },
      memory: {
        usageBytes: 900,
        workingSetBytes: 700,
        limitBytes: 1000,
        rssBytes: 600,
        cacheBytes: 0,
        mappedFileBytes: 0,
        activeFileBytes: 0,
        inactiveFileBytes: 200,
        limitHits: 0,
        oomKills: 0,
        faults: { all: 4, major: 1 },
      },
      swap: { usageBytes: 10, limitBytes: 30 },
      hugepages: [],
    },
    processes: 2,
    ...change,
  };
}

function sandboxStats(n: number, containers: readonly ContainerStats[]): SandboxStats {
  const counters = { rxBytes: 1, rxPackets: 2, rxErrors: 3, rxDropped: 4, txBytes: 5, txPackets: 6 };
  const rest = { txErrors: 7, txDropped: 8 };
  return {
    sandbox: aSandbox(n),
    cgroupPath: `/p${n}`,
    processes: 2,
    usage: { timestamp: TIME, cpu: { usageNanos: 5 }, hugepages: [] },
    network: {
      timestamp: TIME,
      interfaces: [
        { name: 'eth0', ...counters, ...rest },
        { name: 'net1', ...counters, ...rest },
      ],
    },
    containers,
  };
}

function none(): Promise<never> {
  return Promise.reject(new EngineError('not-found', 'container "x" not found'));
}

describe('the handlers of stats', () => {
  it('show what a container uses, and leave out what is not known', async () => {
    await using harness = await serve({
      containerStats: (id) =>
        Promise.resolve(id === 'bare' ? { container: aContainer(2), cgroupPath: '/' } : containerStats(1)),
    });
    const { stats } = await harness.call(RuntimeService.containerStats, { containerId: 'c' });
    expect(stats?.attributes).toMatchObject({
      id: aContainerId(1),
      metadata: { name: 'container-1', attempt: 0 },
      labels: { 'io.kubernetes.container.name': 'container-1' },
    });
    expect(stats?.cpu?.usageCoreNanoSeconds?.value.toString()).toBe(String(2n ** 60n));
    expect(stats?.cpu?.usageNanoCores?.value.toNumber()).toBe(250_000_000);
    expect(stats?.cpu?.psi?.Some?.Avg10).toBe(1.5);
    expect(stats?.cpu?.psi?.Full).toBeNull();
    expect(stats?.memory?.availableBytes?.value.toNumber()).toBe(300);
    expect(stats?.memory?.majorPageFaults?.value.toNumber()).toBe(1);
    expect(stats?.swap?.swapAvailableBytes?.value.toNumber()).toBe(20);
    expect(stats?.io).toBeNull();
    const { stats: bare } = await harness.call(RuntimeService.containerStats, { containerId: 'bare' });
    expect(bare).toMatchObject({ attributes: { id: aContainerId(2) }, cpu: null, memory: null, writableLayer: null });
  });

  it('show pods with their network and containers', async () => {
    await using harness = await serve({
      sandboxStats: () => Promise.resolve(sandboxStats(1, [containerStats(1), containerStats(2)])),
    });
    const { stats } = await harness.call(RuntimeService.podSandboxStats, { podSandboxId: 's' });
    expect(stats?.attributes).toMatchObject({
      id: aSandboxId(1),
      metadata: { uid: 'uid-1' },
      annotations: { note: 'a' },
    });
    expect(stats?.linux?.containers.map(({ attributes }) => attributes?.id)).toEqual([
      aContainerId(1),
      aContainerId(2),
    ]);
    expect(stats?.linux?.network?.defaultInterface?.name).toBe('eth0');
    expect(stats?.linux?.network?.interfaces.map(({ name }) => name)).toEqual(['net1']);
    expect(stats?.linux?.process?.processCount?.value.toNumber()).toBe(2);
    expect(stats?.linux?.memory).toBeNull();
  });

  it('hand filters on and list what comes back, new samples too', async () => {
    const filters: unknown[] = [];
    let current = [containerStats(1), containerStats(2)];
    await using harness = await serve({
      listContainerStats: (filter) => {
        filters.push(filter);
        return Promise.resolve(current);
      },
      listSandboxStats: (filter) => {
        filters.push(filter);
        return Promise.resolve([sandboxStats(1, [])]);
      },
    });
    const list = async () => (await harness.call(RuntimeService.listContainerStats, { filter: { id: 'c' } })).stats;
    expect((await list()).map(({ attributes }) => attributes?.id)).toEqual([aContainerId(1), aContainerId(2)]);
    current = [containerStats(1, { usage: { timestamp: TIME + 1n, cpu: { usageNanos: 9 }, hugepages: [] } })];
    expect((await list())[0]?.cpu?.usageCoreNanoSeconds?.value.toNumber()).toBe(9);
    await harness.call(RuntimeService.listContainerStats, {
      filter: { podSandboxId: 's', labelSelector: { a: 'b' } },
    });
    const pods = await harness.call(RuntimeService.listPodSandboxStats, { filter: { labelSelector: { c: 'd' } } });
    expect(pods.stats.map(({ attributes }) => attributes?.id)).toEqual([aSandboxId(1)]);
    await harness.call(RuntimeService.listPodSandboxStats, {});
    expect(filters).toEqual([
      { id: 'c', labels: {} },
      { id: 'c', labels: {} },
      { sandboxId: 's', labels: { a: 'b' } },
      { labels: { c: 'd' } },
      { labels: {} },
    ]);
  });

  it('say which container or pod there is not', async () => {
    await using harness = await serve({ containerStats: none, sandboxStats: none });
    expect(await failure(harness.call(RuntimeService.containerStats, { containerId: 'x' }))).toMatchObject({
      code: status.NOT_FOUND,
    });
    expect(await failure(harness.call(RuntimeService.podSandboxStats, { podSandboxId: 'x' }))).toMatchObject({
      code: status.NOT_FOUND,
    });
    expect(await failure(harness.call(RuntimeService.containerStats, {}))).toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  it('describe the metrics and give them for every pod', async () => {
    await using harness = await serve({
      listSandboxStats: () => Promise.resolve([sandboxStats(1, [containerStats(1)])]),
    });
    const { descriptors } = await harness.call(RuntimeService.listMetricDescriptors, {});
    const labels = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys.length]));
    const { podMetrics } = await harness.call(RuntimeService.listPodSandboxMetrics, {});
    expect(podMetrics.map(({ podSandboxId }) => podSandboxId)).toEqual([aSandboxId(1)]);
    const all = podMetrics.flatMap((pod) => [
      ...pod.metrics,
      ...pod.containerMetrics.flatMap(({ metrics }) => metrics),
    ]);
    expect(all.length).toBeGreaterThan(30);
    expect(all.filter(({ name, labelValues }) => labelValues.length !== labels.get(name))).toEqual([]);
  });
});
