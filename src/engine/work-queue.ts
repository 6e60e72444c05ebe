import PQueue from 'p-queue';

export interface WorkLimits {
  /** How many works run at once. */
  readonly concurrentWork: number;
  /** A work that takes longer waits for something rather than works: its place is lent to the next. */
  readonly workPatienceMs: number;
}

/** Places that may be lent, for each there is; what is stuck beyond that keeps its own. */
const LENT_PER_PLACE = 8;

/**
 * Bounds how much work that forks, mounts or writes runs at once; the rest waits in order. A signal ends the wait. Work
 * that has begun keeps its place until it ends, whatever its callers do (it may take the signal and end early by itself), or
 * until it has run for so long that it must be stuck: a shim that hangs must not keep a node from working.
 */
export class WorkQueue {
  readonly #queue: PQueue;
  #limits: WorkLimits;
  #lent = 0;

  constructor(limits: WorkLimits) {
    this.#limits = limits;
    this.#queue = new PQueue({ concurrency: limits.concurrentWork });
  }

  /** `patienceMs`: for work that is known to be short. */
  async run<T>(
    signal: AbortSignal,
    work: () => Promise<T>,
    patienceMs: number = this.#limits.workPatienceMs,
  ): Promise<T> {
    signal.throwIfAborted();
    const wait = new AbortController();
    const result = Promise.withResolvers<T>();
    result.promise.catch(() => undefined); // whoever waits here gets it below
    const onAbort = (): void => wait.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const begin = async (): Promise<void> => {
      signal.removeEventListener('abort', onAbort);
      const working = work();
      working.then(result.resolve, result.reject);
      await this.#endOrPatience(working, patienceMs);
    };
    try {
      await this.#queue.add(begin, { signal: wait.signal });
      return await result.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** From now on; what has begun goes on. */
  setLimits(limits: WorkLimits): void {
    this.#limits = limits;
    this.#queue.concurrency = limits.concurrentWork;
  }

  /** Calls that wait for a place. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Works that are stuck: their places are lent. */
  get stuck(): number {
    return this.#lent;
  }

  /** Resolves when the work has ended, or when its place can be lent. */
  async #endOrPatience(working: Promise<unknown>, patienceMs: number): Promise<void> {
    const { promise: lent, resolve } = Promise.withResolvers<void>();
    const over = working.then(
      () => undefined,
      () => undefined, // the caller is told
    );
    const timer = setTimeout(() => {
      if (this.#lent >= LENT_PER_PLACE * this.#limits.concurrentWork) return;
      this.#lent += 1;
      void over.then(() => {
        this.#lent -= 1;
      });
      resolve();
    }, patienceMs);
    try {
      await Promise.race([over, lent]);
    } finally {
      clearTimeout(timer);
    }
  }
}
