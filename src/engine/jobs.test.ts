import { describe, expect, it } from 'vitest';
import { Jobs } from './jobs.ts';
import type { JobSpec } from './jobs.ts';

interface Made {
  readonly id: number;
}

/** A job whose creation ends when the test says so, with a record of what was done to it. */
function job(overrides: Partial<JobSpec<Made>> = {}) {
  const gate = Promise.withResolvers<void>();
  const log: string[] = [];
  let made = 0;
  const spec: JobSpec<Made> = {
    key: 'a',
    hash: 'h1',
    owner: 'o',
    create: async (signal) => {
      const id = ++made;
      log.push(`create ${id}`);
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      await Promise.race([gate.promise, aborted]);
      return { id };
    },
    publish: async ({ id }) => void log.push(`publish ${id}`),
    discard: async ({ id }) => void log.push(`discard ${id}`),
    ...overrides,
  };
  return { spec, log, finish: () => gate.resolve() };
}

const signal = (): AbortSignal => new AbortController().signal;
const fail = (_key: string, error: unknown): never => {
  throw error;
};

describe('Jobs.run()', () => {
  it('creates, publishes once, and gives every caller that joined the same result', async () => {
    const jobs = new Jobs(fail);
    const { spec, log, finish } = job();
    const both = Promise.all([jobs.run(spec, signal()), jobs.run(spec, signal())]);
    finish();
    const [first, second] = await both;
    expect(first).toBe(second);
    expect(log).toEqual(['create 1', 'publish 1']);
    expect(jobs.size).toBe(0);
  });

  it("goes on when its caller's signal aborts, and a retry gets its result", async () => {
    const jobs = new Jobs(fail);
    const { spec, log, finish } = job();
    const caller = new AbortController();
    const first = jobs.run(spec, caller.signal);
    caller.abort(new Error('caller went'));
    await expect(first).rejects.toThrow('caller went');
    finish();
    expect(await jobs.run(spec, signal())).toEqual({ id: 1 });
    expect(log).toEqual(['create 1', 'publish 1']);
  });

  it('keeps a finished result unpublished until it is claimed', async () => {
    const jobs = new Jobs(fail);
    const { spec, log, finish } = job();
    const caller = new AbortController();
    const first = jobs.run(spec, caller.signal);
    caller.abort(new Error('caller went'));
    await expect(first).rejects.toThrow('caller went');
    finish();
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(['create 1']);
    await jobs.run(spec, signal());
    expect(log).toEqual(['create 1', 'publish 1']);
  });

  it('aborts the job and starts anew when the request has another hash', async () => {
    const jobs = new Jobs(fail);
    const old = job();
    const first = jobs.run(old.spec, signal());
    const next = job({ hash: 'h2' });
    next.finish();
    expect(await jobs.run(next.spec, signal())).toEqual({ id: 1 });
    await expect(first).rejects.toThrow('replaced');
    expect(old.log).toEqual(['create 1']);
  });

  it('discards a created result that nobody claims in time', async () => {
    const discarded = Promise.withResolvers<void>();
    const jobs = new Jobs(fail, 5);
    const { spec, finish } = job({ discard: async () => discarded.resolve() });
    const caller = new AbortController();
    const first = jobs.run(spec, caller.signal);
    finish();
    caller.abort(new Error('caller went'));
    await expect(first).rejects.toThrow('caller went');
    await discarded.promise;
    await new Promise((resolve) => setImmediate(resolve));
    expect(jobs.size).toBe(0);
  });

  it('undoes what it made when it cannot be published', async () => {
    const jobs = new Jobs(fail);
    const { spec, log, finish } = job({
      publish: async () => {
        throw new Error('disk full');
      },
    });
    finish();
    await expect(jobs.run(spec, signal())).rejects.toThrow('disk full');
    expect(log).toEqual(['create 1', 'discard 1']);
    expect(jobs.size).toBe(0);
  });

  it('frees the key after a failure', async () => {
    const jobs = new Jobs(fail);
    const broken = job({ create: async () => Promise.reject(new Error('no')) });
    await expect(jobs.run(broken.spec, signal())).rejects.toThrow('no');
    const { spec, finish } = job();
    finish();
    expect(await jobs.run(spec, signal())).toEqual({ id: 1 });
  });
});

describe('Jobs.abortOwner()', () => {
  it("ends the owner's jobs, tells why, and waits until they are undone", async () => {
    const jobs = new Jobs(fail);
    const { spec } = job();
    const waiting = jobs.run(spec, signal());
    const outcome = waiting.catch((error: unknown) => error);
    await jobs.abortOwner('somebody else', 'no reason');
    expect(jobs.size).toBe(1);
    await jobs.abortOwner('o', 'pod is being stopped');
    expect(await outcome).toMatchObject({ kind: 'cancelled', message: 'pod is being stopped' });
    expect(jobs.size).toBe(0);
  });
});
