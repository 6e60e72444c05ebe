import type { BatchSettings } from './settings.ts';

/** Collects items and hands them on in batches, one at a time. What does not fit the queue is dropped and counted. */
export class Batch<T> implements AsyncDisposable {
  readonly #settings: BatchSettings;
  readonly #send: (items: readonly T[]) => Promise<void>;
  readonly #problem: (message: string) => void;
  #queue: T[] = [];
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  constructor(
    settings: BatchSettings,
    send: (items: readonly T[]) => Promise<void>,
    problem: (message: string) => void,
  ) {
    this.#settings = settings;
    this.#send = send;
    this.#problem = problem;
  }

  add(item: T): void {
    if (this.#queue.length >= this.#settings.queue) {
      this.#dropped += 1;
      return;
    }
    this.#queue.push(item);
    if (this.#queue.length >= this.#settings.size) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), this.#settings.delayMs).unref();
  }

  /** Sends what has been added; never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    await this.#sending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const items = this.#queue.slice(0, this.#settings.size);
      this.#queue = this.#queue.slice(this.#settings.size);
      try {
        await this.#send(items);
      } catch (error) {
        this.#problem(`${items.length} spans were not sent: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    if (this.#dropped > 0) this.#problem(`${this.#dropped} spans were dropped: the collector is too slow`);
    this.#dropped = 0;
  }
}
