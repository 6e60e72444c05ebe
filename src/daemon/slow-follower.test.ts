import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { aContainer, aContainerId, aSandbox, aSandboxId } from '../cri/fake-engine.ts';
import { RuntimeService } from '../cri/generated/cri.js';
import { serve } from '../cri/test-server.ts';
import { EventHub } from '../engine/events/index.ts';

const PENDING = 100;
/** What it reads before it stands still. */
const READ = 20;
/** Far more than what sockets and streams hold in between. */
const EVENTS = 10_000;

describe('a kubelet that does not read its events', { timeout: 30_000 }, () => {
  it('gets what came before the gap; then its stream ends with RESOURCE_EXHAUSTED, and another begins with what comes', async () => {
    const hub = new EventHub({ pending: PENDING, kept: 10 });
    const pod = { sandbox: aSandbox(1), containers: [aContainer(1), aContainer(2)] };
    const publish = (n: number): void =>
      hub.publish(
        {
          object: 'container',
          action: 'started',
          id: aContainerId(n),
          sandboxId: aSandboxId(1),
          attributes: {},
          labels: {},
        },
        pod,
      );
    await using harness = await serve({ podEvents: (signal) => hub.podEvents(signal) });
    const stream = harness.stream(RuntimeService.getContainerEvents, {});
    const failed = once(stream, 'error');
    const ids: string[] = [];
    stream.on('data', ({ containerId }: { readonly containerId: string }) => {
      ids.push(containerId);
      if (ids.length === READ) stream.pause();
    });
    // Calls in between give the server its turns.
    await harness.call(RuntimeService.version, {});
    for (let n = 0; n < EVENTS; n++) {
      publish(n);
      if (n % PENDING === PENDING / 2) await harness.call(RuntimeService.version, {});
    }
    stream.resume();
    expect(await failed).toMatchObject([{ code: status.RESOURCE_EXHAUSTED }]);
    expect(ids.length).toBeGreaterThanOrEqual(READ);
    expect(ids.length).toBeLessThan(EVENTS);
    expect(ids).toEqual(Array.from(ids, (_id, n) => aContainerId(n)));

    const again = harness.stream(RuntimeService.getContainerEvents, {});
    again.on('error', () => undefined);
    const first = new Promise((resolve) => again.once('data', resolve));
    await harness.call(RuntimeService.version, {});
    publish(7);
    expect(await first).toMatchObject({ containerId: aContainerId(7) });
    again.cancel();
  });
});
