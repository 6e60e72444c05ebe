import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../engine/index.ts';
import type { EngineEvent, PodEvent } from '../engine/index.ts';
import { aContainer, aContainerId, anImage, aSandbox, aSandboxId } from './fake-engine.ts';
import { ContainerEventType, ImageService, RuntimeService } from './generated/cri.js';
import { failure, serve } from './test-server.ts';

const TIME = 1_760_000_000_000_000_000n;

function anEvent(n: number, change: Partial<EngineEvent> = {}): PodEvent {
  const event: EngineEvent = {
    sequence: n,
    time: TIME + BigInt(n),
    object: 'container',
    action: 'started',
    id: aContainerId(1),
    sandboxId: aSandboxId(1),
    attributes: {},
    labels: {},
    ...change,
  };
  return { event, pod: { sandbox: aSandbox(1), containers: [aContainer(1), aContainer(2)] } };
}

async function* few(...events: readonly PodEvent[]): AsyncIterable<PodEvent> {
  yield* events;
}

describe('GetContainerEvents', () => {
  it('carries the pod with each event, and leaves out what it has no event for', async () => {
    await using harness = await serve({
      podEvents: () => few(anEvent(1), anEvent(2, { action: 'oom' }), anEvent(3, { action: 'stopped' })),
    });
    const events = await harness.collect(RuntimeService.getContainerEvents, {});
    expect(events.map(({ containerEventType }) => containerEventType)).toEqual([
      ContainerEventType.CONTAINER_STARTED_EVENT,
      ContainerEventType.CONTAINER_STOPPED_EVENT,
    ]);
    expect(events[0]?.createdAt.toString()).toBe((TIME + 1n).toString());
    expect(events[0]?.containerId).toBe(aContainerId(1));
    expect(events[0]?.podSandboxStatus?.metadata?.uid).toBe('uid-1');
    expect(events[0]?.containersStatuses.map(({ id }) => id)).toEqual([aContainerId(1), aContainerId(2)]);
  });

  it('ends with RESOURCE_EXHAUSTED, after all that came before, when the caller is too slow', async () => {
    await using harness = await serve({
      podEvents: async function* () {
        for (let n = 0; n < 100; n++) yield anEvent(n);
        throw new EngineError('resource-exhausted', 'too slow');
      },
    });
    const got: unknown[] = [];
    const reading = (async () => {
      for await (const event of harness.stream(RuntimeService.getContainerEvents, {})) got.push(event);
    })();
    expect(await failure(reading)).toEqual({ code: status.RESOURCE_EXHAUSTED, details: 'too slow' });
    expect(got).toHaveLength(100);
  });

  it('reads no further than the caller takes', async () => {
    let read = 0;
    const ended = Promise.withResolvers<void>();
    await using harness = await serve({
      podEvents: async function* () {
        try {
          for (; ; read++) yield anEvent(read);
        } finally {
          ended.resolve();
        }
      },
    });
    const stream = harness.stream(RuntimeService.getContainerEvents, {});
    await new Promise((resolve) => stream.once('readable', resolve));
    // Calls are answered in between: nobody spins on a stream that is not read.
    for (let n = 0; n < 20; n++) await harness.call(RuntimeService.version, {});
    const stopped = read;
    for (let n = 0; n < 20; n++) await harness.call(RuntimeService.version, {});
    expect(read).toBe(stopped);
    stream.on('error', () => undefined);
    stream.cancel();
    await ended.promise;
  });

  it('does not hold up the end of the server, and is no call to wait for', async () => {
    const entered = Promise.withResolvers<void>();
    await using harness = await serve(
      {
        podEvents: async function* (signal) {
          yield anEvent(1);
          entered.resolve();
          const { promise, reject } = Promise.withResolvers<never>();
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
          await promise;
        },
      },
      600_000,
    );
    const reading = harness.collect(RuntimeService.getContainerEvents, {});
    const failed = failure(reading);
    await entered.promise;
    expect(harness.server.inFlight).toBe(0);
    await harness.server.close();
    expect((await failed).code).toBe(status.UNAVAILABLE);
  });
});

describe('the streamed lists', () => {
  it('have what the lists have', async () => {
    const sandboxes = Array.from({ length: 2_000 }, (_, n) => aSandbox(n));
    const containers = Array.from({ length: 5_000 }, (_, n) => aContainer(n));
    await using harness = await serve({
      listSandboxes: () => sandboxes,
      listContainers: () => containers,
      listImages: () => [anImage(1), anImage(2)],
      listContainerStats: () =>
        Promise.resolve(containers.slice(0, 3).map((container) => ({ container, cgroupPath: '/c' }))),
      listSandboxStats: () =>
        Promise.resolve(
          sandboxes.slice(0, 4).map((sandbox) => ({ sandbox, cgroupPath: '/s', processes: 0, containers: [] })),
        ),
    });
    const pods = await harness.collect(RuntimeService.streamPodSandboxes, {});
    expect(pods.flatMap(({ podSandboxes }) => podSandboxes.map(({ id }) => id))).toEqual(sandboxes.map(({ id }) => id));
    const streamed = await harness.collect(RuntimeService.streamContainers, {});
    expect(streamed.length).toBeGreaterThan(1);
    expect(streamed.flatMap((part) => part.containers)).toEqual(
      (await harness.call(RuntimeService.listContainers, {})).containers,
    );
    const images = await harness.collect(ImageService.streamImages, {});
    expect(images.flatMap((part) => part.images)).toHaveLength(2);
    const containerStats = await harness.collect(RuntimeService.streamContainerStats, {});
    expect(containerStats.flatMap((part) => part.containerStats)).toHaveLength(3);
    const podStats = await harness.collect(RuntimeService.streamPodSandboxStats, {});
    expect(podStats.flatMap((part) => part.podSandboxStats)).toHaveLength(4);
    const metrics = await harness.collect(RuntimeService.streamPodSandboxMetrics, {});
    expect(metrics.flatMap((part) => part.podSandboxMetrics)).toHaveLength(4);
  });

  it('are filtered as the lists are', async () => {
    const asked: unknown[] = [];
    await using harness = await serve({
      listContainers: (filter) => {
        asked.push(filter);
        return [];
      },
    });
    const filter = { podSandboxId: 'abc', labelSelector: { a: 'b' } };
    expect(await harness.collect(RuntimeService.streamContainers, { filter })).toEqual([]);
    await harness.call(RuntimeService.listContainers, { filter });
    expect(asked[0]).toEqual(asked[1]);
  });
});
