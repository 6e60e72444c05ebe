/** One lock for each key; waiters are served in the order of their calls. A key costs nothing while nobody holds it. */
export class KeyedMutex<Key> {
  readonly #tails = new Map<Key, Promise<void>>();

  /** Runs `work` while nobody else with this key runs. A caller whose signal aborts while it waits never runs. */
  async run<T>(key: Key, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const turn = Promise.withResolvers<void>();
    const tail = before === undefined ? turn.promise : before.then(() => turn.promise);
    this.#tails.set(key, tail);
    try {
      if (before !== undefined) await this.#wait(before, signal);
      signal.throwIfAborted();
      return await work();
    } finally {
      turn.resolve();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }

  async #wait(before: Promise<void>, signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([before, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
