import PQueue from 'p-queue';

/** Bounds how much work that forks, mounts or writes runs at once; the rest waits in order, until its signal aborts. */
export class WorkQueue {
  readonly #queue: PQueue;

  constructor(concurrency: number) {
    this.#queue = new PQueue({ concurrency });
  }

  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    return await this.#queue.add(work, { signal });
  }

  /** Calls that wait for a slot. */
  get waiting(): number {
    return this.#queue.size;
  }
}
