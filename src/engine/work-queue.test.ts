import { describe, expect, it } from 'vitest';
import { WorkQueue } from './work-queue.ts';

const NEVER = new AbortController().signal;

describe('WorkQueue.run()', () => {
  it('runs no more at once than it may, the rest in order', async () => {
    const queue = new WorkQueue(1);
    const gate = Promise.withResolvers<void>();
    const log: string[] = [];
    const first = queue.run(NEVER, async () => {
      log.push('first');
      await gate.promise;
    });
    const rest = ['second', 'third'].map((name) => queue.run(NEVER, async () => void log.push(name)));
    expect(queue.waiting).toBe(2);
    expect(log).toEqual(['first']);
    gate.resolve();
    await Promise.all([first, ...rest]);
    expect(log).toEqual(['first', 'second', 'third']);
  });

  it('lets go of a caller that waits, whose work never begins', async () => {
    const queue = new WorkQueue(1);
    const gate = Promise.withResolvers<void>();
    const first = queue.run(NEVER, () => gate.promise);
    const abort = new AbortController();
    const log: string[] = [];
    const gone = queue.run(abort.signal, async () => void log.push('gone'));
    abort.abort(new Error('went'));
    await expect(gone).rejects.toThrow('went');
    gate.resolve();
    await first;
    expect(log).toEqual([]);
  });

  it('keeps the place of work that has begun when its caller aborts', async () => {
    const queue = new WorkQueue(1);
    const gate = Promise.withResolvers<string>();
    const abort = new AbortController();
    const log: string[] = [];
    const running = queue.run(abort.signal, () => gate.promise);
    const next = queue.run(NEVER, async () => void log.push('next'));
    abort.abort(new Error('went'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual([]);
    gate.resolve('done');
    expect(await running).toBe('done');
    await next;
    expect(log).toEqual(['next']);
  });
});
