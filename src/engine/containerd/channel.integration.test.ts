import { describe, expect, it } from 'vitest';
import { startContainerd } from '../../../test/integration/containerd.ts';
import { Channel } from './channel.ts';

const signal = AbortSignal.timeout(50_000);

describe('Channel', () => {
  it('connects, sees containerd go, and connects again when it is back', async () => {
    await using containerd = await startContainerd();
    const channel = new Channel(containerd.address);
    const states: string[] = [];
    channel.onChange((state) => states.push(state));
    channel.open();
    await channel.waitForReady(signal);
    const away = new Promise<void>((resolve) => channel.onChange((state) => state === 'away' && resolve()));
    await containerd.kill();
    await away;
    await containerd.start();
    await channel.waitForReady(signal);
    channel.close();
    expect(states).toEqual(['connected', 'away', 'connected', 'closed']);
  });

  it('waits for a socket that is not there until the signal ends the wait', async () => {
    const channel = new Channel('/tmp/davit-no-such.sock');
    channel.open();
    const waiting = channel.waitForReady(AbortSignal.timeout(200));
    await expect(waiting).rejects.toMatchObject({ kind: 'deadline-exceeded' });
    const closing = channel.waitForReady(signal);
    channel.close();
    await expect(closing).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
