import { describe, expect, it } from 'vitest';
import { WorkQueue } from './work-queue.ts';

const ONE = { concurrentWork: 1, workPatienceMs: 60_000 };
const NEVER = new AbortController().signal;

describe('WorkQueue.run()', () => {
  it('runs no more at once than it may, the rest in order', async () => {
    const queue = new WorkQueue(ONE);
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
    const queue = new WorkQueue(ONE);
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
    const queue = new WorkQueue(ONE);
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

  it('lends the place of work that is stuck, and tells how many there are', async () => {
    const queue = new WorkQueue({ concurrentWork: 1, workPatienceMs: 5 });
    const gate = Promise.withResolvers<string>();
    const stuck = queue.run(NEVER, () => gate.promise);
    expect(await queue.run(NEVER, async () => 'next')).toBe('next');
    expect(queue.stuck).toBe(1);
    gate.resolve('done');
    expect(await stuck).toBe('done');
    await expect.poll(() => queue.stuck).toBe(0);
  });

  it('tells the caller of stuck work how it ended', async () => {
    const queue = new WorkQueue({ concurrentWork: 1, workPatienceMs: 5 });
    const gate = Promise.withResolvers<string>();
    const stuck = queue.run(NEVER, () => gate.promise);
    await queue.run(NEVER, async () => undefined);
    gate.reject(new Error('after all'));
    await expect(stuck).rejects.toThrow('after all');
  });

  it('lends no more than so many', async () => {
    const queue = new WorkQueue({ concurrentWork: 1, workPatienceMs: 1 });
    const gate = Promise.withResolvers<void>();
    const works = Array.from({ length: 20 }, () => queue.run(NEVER, () => gate.promise));
    await expect.poll(() => queue.stuck).toBe(8);
    expect(queue.waiting).toBe(11);
    gate.resolve();
    await Promise.all(works);
  });
});

describe('WorkQueue.setLimits()', () => {
  it('lets more begin at once', async () => {
    const queue = new WorkQueue(ONE);
    const gate = Promise.withResolvers<void>();
    const works = Array.from({ length: 3 }, () => queue.run(NEVER, () => gate.promise));
    expect(queue.waiting).toBe(2);
    queue.setLimits({ ...ONE, concurrentWork: 2 });
    await expect.poll(() => queue.waiting).toBe(1);
    gate.resolve();
    await Promise.all(works);
  });
});
