import { EngineError } from '../errors.ts';

/**
 * Hands items from a producer that never waits to one reader. A reader that lets too many pile up gets those and then
 * resource-exhausted: what it has seen until then is whole.
 */
export class BoundedQueue<T extends object> implements AsyncIterable<T> {
  readonly #most: number;
  readonly #what: string;
  readonly #items: T[] = [];
  #ending: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** `what` the reader missed, for the error. */
  constructor(most: number, what: string) {
    this.#most = most;
    this.#what = what;
  }

  push(item: T): void {
    if (this.#ending !== undefined) return;
    if (this.#items.length < this.#most) this.#items.push(item);
    else {
      const message = `${this.#most} ${this.#what} wait to be read, and more have come: read faster, or begin anew`;
      this.#ending = { error: new EngineError('resource-exhausted', message) };
    }
    this.#wake?.();
  }

  /** What is queued is still read, then the reader ends, with the error if there is one. */
  end(error?: unknown): void {
    this.#ending ??= error === undefined ? {} : { error };
    this.#wake?.();
  }

  /** True once nothing that is pushed will be read. */
  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    try {
      for (;;) {
        for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) yield item;
        if (this.#ending !== undefined) {
          if ('error' in this.#ending) throw this.#ending.error;
          return;
        }
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
      }
    } finally {
      this.end(); // a reader that has gone reads no more
    }
  }
}
