import { describe, expect, it } from 'vitest';
import { DownloadPlaces } from './download-places.ts';

const NEVER = new AbortController().signal;
const STALL_MS = 5;
const FAR_MS = 60_000;

describe('DownloadPlace.waiting()', () => {
  it('lends the place of a download that gets no bytes, and waits for one when they come', async () => {
    const places = new DownloadPlaces(1, STALL_MS);
    using stalled = places.forOne();
    const next = places.forOne();
    await stalled.take(NEVER);
    const bytes = Promise.withResolvers<string>();
    let hasGoneOn = false;
    const waiting = stalled
      .waiting(NEVER, () => bytes.promise)
      .then((got) => {
        hasGoneOn = true;
        return got;
      });
    await next.take(NEVER);
    bytes.resolve('late');
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasGoneOn).toBe(false);
    next[Symbol.dispose]();
    expect(await waiting).toBe('late');
    using third = places.forOne();
    const soon = AbortSignal.timeout(20);
    await expect(third.take(soon)).rejects.toMatchObject({ name: 'TimeoutError' }); // the first one has it again
  });

  it('keeps the place of a download that gets its bytes', async () => {
    const places = new DownloadPlaces(1, FAR_MS);
    using busy = places.forOne();
    await busy.take(NEVER);
    expect(await busy.waiting(NEVER, async () => 'at once')).toBe('at once');
    using next = places.forOne();
    await expect(next.take(AbortSignal.timeout(20))).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('waits for no place when the bytes do not come at all; the next try does', async () => {
    const places = new DownloadPlaces(1, STALL_MS);
    using broken = places.forOne();
    const next = places.forOne();
    await broken.take(NEVER);
    const bytes = Promise.withResolvers<string>();
    const waiting = broken.waiting(NEVER, () => bytes.promise);
    await next.take(NEVER);
    bytes.reject(new Error('broke off'));
    await expect(waiting).rejects.toThrow('broke off');
    const again = broken.take(NEVER);
    next[Symbol.dispose]();
    await again;
  });

  it('ends its wait for a place with the signal', async () => {
    const places = new DownloadPlaces(1, STALL_MS);
    using stalled = places.forOne();
    using next = places.forOne();
    await stalled.take(NEVER);
    const bytes = Promise.withResolvers<string>();
    const abort = new AbortController();
    const waiting = stalled.waiting(abort.signal, () => bytes.promise);
    await next.take(NEVER);
    bytes.resolve('late');
    abort.abort(new Error('went'));
    await expect(waiting).rejects.toThrow('went');
  });
});

describe('DownloadPlaces.setCount()', () => {
  it('lets more work at once', async () => {
    const places = new DownloadPlaces(1, FAR_MS);
    using first = places.forOne();
    using second = places.forOne();
    await first.take(NEVER);
    const taken = second.take(NEVER);
    places.setCount(2);
    await expect(taken).resolves.toBeUndefined();
  });
});
