import { describe, expect, it } from 'vitest';
import { serve } from '../cri/test-server.ts';
import { SelfCheck } from './self-check.ts';

const QUIET = { warn: () => undefined, info: () => undefined };

describe('SelfCheck', () => {
  it('says what a caller of the socket sees, and tells of changes', async () => {
    const harness = await serve();
    let signs = 0;
    await using check = new SelfCheck({
      socketPath: harness.socketPath,
      intervalMs: 20,
      logger: QUIET,
      onAlive: () => void signs++,
    });
    expect(check.isServing).toBe(false);
    await check.start();
    expect([check.isServing, signs > 0]).toEqual([true, true]);
    const watching = check.watch(new AbortController().signal);
    expect((await watching.next()).value).toBe(true);
    await harness[Symbol.asyncDispose]();
    expect((await watching.next()).value).toBe(false);
    expect(check.isServing).toBe(false);
  });

  it('ends a watch with its signal, and serves no more once davitd stops', async () => {
    await using harness = await serve();
    await using check = new SelfCheck({
      socketPath: harness.socketPath,
      intervalMs: 600_000,
      logger: QUIET,
      onAlive: () => undefined,
    });
    await check.start();
    const leaving = new AbortController();
    const watching = check.watch(leaving.signal);
    await watching.next();
    const next = watching.next();
    leaving.abort(new Error('left'));
    await expect(next).rejects.toThrow('left');
    check.stopped();
    expect(check.isServing).toBe(false);
  });
});
