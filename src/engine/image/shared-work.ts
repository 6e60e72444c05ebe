import { within } from '../rollback.ts';

interface Running<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiters: number;
}

/**
 * Work that several callers may want at once is done once. A caller's signal ends its own wait; the work is aborted
 * when nobody waits for it any more, and whoever asks after that starts anew.
 */
export class SharedWork<T> {
  readonly #running = new Map<string, Running<T>>();
  readonly #all = new Set<Promise<unknown>>();

  async join(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const running = this.#running.get(key) ?? this.#start(key, work);
    running.waiters++;
    try {
      return await within(signal, running.result);
    } finally {
      running.waiters--;
      if (running.waiters === 0) {
        this.#forget(key, running);
        running.controller.abort();
      }
    }
  }

  /** How many wait for the work of a key. */
  waiters(key: string): number {
    return this.#running.get(key)?.waiters ?? 0;
  }

  /** Aborts all work and waits until it has ended. */
  async abortAll(reason: Error): Promise<void> {
    for (const { controller } of this.#running.values()) controller.abort(reason);
    await Promise.allSettled(this.#all);
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Running<T> {
    const controller = new AbortController();
    const running: Running<T> = { result: work(controller.signal), controller, waiters: 0 };
    this.#running.set(key, running);
    this.#all.add(running.result);
    const ended = (): void => {
      this.#all.delete(running.result);
      this.#forget(key, running);
    };
    running.result.then(ended, ended);
    return running;
  }

  #forget(key: string, running: Running<T>): void {
    if (this.#running.get(key) === running) this.#running.delete(key);
  }
}
