import { describe, expect, it } from 'vitest';
import { SharedWork } from './shared-work.ts';

const NEVER = new AbortController().signal;

describe('SharedWork', () => {
  it('does the work once for all who ask while it runs, and anew afterwards', async () => {
    const shared = new SharedWork<number>();
    const gate = Promise.withResolvers<void>();
    let runs = 0;
    const work = async (): Promise<number> => {
      await gate.promise;
      return ++runs;
    };
    const all = [1, 2, 3].map(() => shared.join('a', NEVER, work));
    const other = shared.join('b', NEVER, work);
    gate.resolve();
    expect(await Promise.all(all)).toEqual([1, 1, 1]);
    expect(await other).toBe(2);
    expect(await shared.join('a', NEVER, work)).toBe(3);
  });

  it("ends one caller's wait without the others'", async () => {
    const shared = new SharedWork<string>();
    const gate = Promise.withResolvers<string>();
    const leaver = new AbortController();
    const signals: AbortSignal[] = [];
    const work = (signal: AbortSignal): Promise<string> => {
      signals.push(signal);
      return gate.promise;
    };
    const left = shared.join('a', leaver.signal, work);
    const stays = shared.join('a', NEVER, work);
    leaver.abort();
    await expect(left).rejects.toThrow('aborted');
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    gate.resolve('done');
    expect(await stays).toBe('done');
  });

  it('aborts the work when nobody waits, and starts anew for who comes then', async () => {
    const shared = new SharedWork<string>();
    const leaver = new AbortController();
    const signals: AbortSignal[] = [];
    const work = (signal: AbortSignal): Promise<string> => {
      signals.push(signal);
      if (signals.length > 1) return Promise.resolve('second');
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    };
    const left = shared.join('a', leaver.signal, work);
    leaver.abort();
    await expect(left).rejects.toThrow('aborted');
    expect(signals[0]?.aborted).toBe(true);
    expect(await shared.join('a', NEVER, work)).toBe('second');
  });

  it('tells all who wait of a failure', async () => {
    const shared = new SharedWork<string>();
    const gate = Promise.reject(new Error('no'));
    const fail = (): Promise<string> => gate;
    const results = await Promise.allSettled([shared.join('a', NEVER, fail), shared.join('a', NEVER, fail)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
