import { EngineError } from './errors.ts';
import { within } from './rollback.ts';

/** How long a job, running or done, waits for somebody to ask for it before it is undone. */
export const UNCLAIMED_JOB_MS = 120_000;

export interface JobSpec<T> {
  /** Names the object that is made, e.g. pod uid, name and attempt. */
  readonly key: string;
  /** Hash of the whole request: another hash under the same key is another request. */
  readonly hash: string;
  /** Jobs of one owner (a sandbox) can be aborted together. */
  readonly owner: string;
  /** Makes the object, hidden. Undoes by itself when it fails or `signal` aborts. */
  readonly create: (signal: AbortSignal) => Promise<T>;
  /** Makes it visible; runs once, when the first caller claims the result. */
  readonly publish: (result: T) => Promise<void>;
  /** Undoes a created object that nobody claimed. */
  readonly discard: (result: T) => Promise<void>;
}

interface Job {
  readonly hash: string;
  readonly owner: string;
  readonly abort: AbortController;
  /** Resolves when the object exists. */
  readonly created: Promise<unknown>;
  /** Settles when nothing of the job is left to do: claimed, failed, or undone. */
  readonly over: Promise<void>;
  claim(): Promise<unknown>;
  waiters: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Creates run as jobs: a caller's cancel or deadline ends its wait, not the job; a retry with the same hash joins it and
 * gets its result; another hash, an abort of its owner, or nobody asking for a while, undoes it.
 */
export class Jobs {
  readonly #jobs = new Map<string, Job>();
  readonly #unclaimedMs: number;
  readonly #discardFailed: (key: string, error: unknown) => void;

  constructor(discardFailed: (key: string, error: unknown) => void, unclaimedMs: number = UNCLAIMED_JOB_MS) {
    this.#discardFailed = discardFailed;
    this.#unclaimedMs = unclaimedMs;
  }

  /** Joins or starts the job and waits for its claimed result, as long as `signal` allows. */
  async run<T>(spec: JobSpec<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    for (;;) {
      const running = this.#jobs.get(spec.key);
      if (running === undefined) break;
      if (running.hash === spec.hash && !running.abort.signal.aborted) return (await this.#join(running, signal)) as T;
      running.abort.abort(new EngineError('cancelled', 'another request of the same name replaced this one'));
      await within(signal, running.over);
    }
    return (await this.#join(this.#start(spec), signal)) as T;
  }

  /** Aborts every job of an owner and waits until they are undone. */
  async abortOwner(owner: string, why: string): Promise<void> {
    const owned = [...this.#jobs.values()].filter((job) => job.owner === owner);
    for (const job of owned) job.abort.abort(new EngineError('cancelled', why));
    await Promise.all(owned.map((job) => job.over));
  }

  /** At shutdown: aborts all jobs and waits until they are undone. */
  async close(): Promise<void> {
    const all = [...this.#jobs.values()];
    for (const job of all) job.abort.abort(new EngineError('cancelled', 'davitd is shutting down'));
    await Promise.all(all.map((job) => job.over));
  }

  /** A job of this key is at work, or waits to be claimed. */
  has(key: string): boolean {
    return this.#jobs.has(key);
  }

  get size(): number {
    return this.#jobs.size;
  }

  #start<T>(spec: JobSpec<T>): Job {
    const abort = new AbortController();
    const created = spec.create(abort.signal);
    const over = Promise.withResolvers<void>();
    let claimed: Promise<T> | undefined;
    const finish = (): void => {
      clearTimeout(job.timer);
      this.#jobs.delete(spec.key);
      over.resolve();
    };
    const discard = async (): Promise<void> => {
      if (claimed !== undefined) return;
      try {
        await spec.discard(await created);
      } catch (error) {
        this.#discardFailed(spec.key, error);
      } finally {
        finish();
      }
    };
    const publishOrDiscard = async (): Promise<T> => {
      const result = await created;
      try {
        await spec.publish(result);
      } catch (error) {
        await spec.discard(result).catch((failed: unknown) => this.#discardFailed(spec.key, failed));
        throw error;
      }
      return result;
    };
    const claim = (): Promise<T> => {
      claimed ??= publishOrDiscard().finally(finish);
      return claimed;
    };
    const job: Job = {
      hash: spec.hash,
      owner: spec.owner,
      abort,
      created,
      over: over.promise,
      claim,
      waiters: 0,
      timer: undefined,
    };
    this.#jobs.set(spec.key, job);
    created.then(
      () => {
        // A result that came after the abort is undone here; before it, the abort itself finds it created.
        if (abort.signal.aborted) void discard();
        else abort.signal.addEventListener('abort', () => void discard(), { once: true });
      },
      () => finish(),
    );
    return job;
  }

  async #join(job: Job, signal: AbortSignal): Promise<unknown> {
    job.waiters += 1;
    clearTimeout(job.timer);
    try {
      await within(AbortSignal.any([signal, job.abort.signal]), job.created);
      return await job.claim();
    } finally {
      job.waiters -= 1;
      if (job.waiters === 0) this.#startClaimTimer(job);
    }
  }

  #startClaimTimer(job: Job): void {
    clearTimeout(job.timer);
    job.timer = setTimeout(() => {
      job.abort.abort(new EngineError('cancelled', 'nobody asked for the result any more'));
    }, this.#unclaimedMs);
    job.timer.unref();
    void job.over.then(() => clearTimeout(job.timer));
  }
}
