import { describe, expect, it } from 'vitest';
import { KeyedMutex } from './keyed-mutex.ts';

const NEVER = new AbortController().signal;

describe('KeyedMutex.run()', () => {
  it('runs one at a time for a key, in order, and other keys beside it', async () => {
    const mutex = new KeyedMutex<string>();
    const gate = Promise.withResolvers<void>();
    const log: string[] = [];
    const first = mutex.run('a', NEVER, async () => {
      log.push('a1');
      await gate.promise;
    });
    const second = mutex.run('a', NEVER, async () => void log.push('a2'));
    const third = mutex.run('a', NEVER, async () => void log.push('a3'));
    await mutex.run('b', NEVER, async () => void log.push('b'));
    expect(log).toEqual(['a1', 'b']);
    gate.resolve();
    await Promise.all([first, second, third]);
    expect(log).toEqual(['a1', 'b', 'a2', 'a3']);
  });

  it('goes on after a failure', async () => {
    const mutex = new KeyedMutex<string>();
    const failed = mutex.run('a', NEVER, async () => Promise.reject(new Error('no')));
    const next = mutex.run('a', NEVER, async () => 1);
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe(1);
  });

  it('lets a waiter go whose signal aborts, and keeps the order of the others', async () => {
    const mutex = new KeyedMutex<string>();
    const gate = Promise.withResolvers<void>();
    const log: string[] = [];
    const first = mutex.run('a', NEVER, () => gate.promise);
    const abort = new AbortController();
    const gone = mutex.run('a', abort.signal, async () => void log.push('gone'));
    const last = mutex.run('a', NEVER, async () => void log.push('last'));
    abort.abort(new Error('went'));
    await expect(gone).rejects.toThrow('went');
    expect(log).toEqual([]);
    gate.resolve();
    await Promise.all([first, last]);
    expect(log).toEqual(['last']);
  });
});
