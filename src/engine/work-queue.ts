import PQueue from 'p-queue';

/**
 * Bounds how much work that forks, mounts or writes runs at once; the rest waits in order. A signal ends the wait. Work
 * that has begun keeps its place until it ends, whatever its callers do: it may take the signal and end early by itself.
 */
export class WorkQueue {
  readonly #queue: PQueue;

  constructor(concurrency: number) {
    this.#queue = new PQueue({ concurrency });
  }

  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const wait = new AbortController();
    const onAbort = (): void => wait.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const begin = (): Promise<T> => {
      signal.removeEventListener('abort', onAbort);
      return work();
    };
    try {
      return await this.#queue.add(begin, { signal: wait.signal });
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** From now on; what has begun goes on. */
  setConcurrency(concurrency: number): void {
    this.#queue.concurrency = concurrency;
  }

  /** Calls that wait for a place. */
  get waiting(): number {
    return this.#queue.size;
  }
}
