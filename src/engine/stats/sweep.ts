/**
 * Samples objects by their ids, so many at once and each at most once at a time. One whose sample hangs in the kernel
 * keeps its place, since nothing can end such a read, and the others go on through the rest.
 */
export class Sweep {
  readonly #sample: (id: string) => Promise<void>;
  readonly #parallel: number;
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  readonly #urgent: string[] = [];
  readonly #running = new Map<string, Promise<void>>();

  /** `sample` must not reject. */
  constructor(sample: (id: string) => Promise<void>, parallel: number) {
    this.#sample = sample;
    this.#parallel = parallel;
  }

  /** Those that wait or run already are not added again. */
  add(ids: Iterable<string>): void {
    for (const id of ids) {
      if (!this.#running.has(id) && !this.#waiting.has(id)) this.#waiting.set(id, Promise.withResolvers());
    }
    this.#go();
  }

  /** Before all others; there is one place more for such. Resolves when the sample has been taken, or will not be. */
  now(id: string): Promise<void> {
    const running = this.#running.get(id);
    if (running !== undefined) return running;
    const waiting = this.#waiting.get(id) ?? Promise.withResolvers<void>();
    this.#waiting.set(id, waiting);
    this.#urgent.push(id);
    this.#go();
    return waiting.promise;
  }

  /** Forgets those that wait. */
  clear(): void {
    for (const { resolve } of this.#waiting.values()) resolve();
    this.#waiting.clear();
    this.#urgent.length = 0;
  }

  #go(): void {
    for (;;) {
      const urgent = this.#urgent.length > 0;
      if (this.#running.size >= this.#parallel + Number(urgent)) return;
      const id = this.#urgent.shift() ?? this.#waiting.keys().next().value;
      if (id === undefined) return;
      const waiting = this.#waiting.get(id);
      if (waiting === undefined) continue; // asked for twice
      this.#waiting.delete(id);
      const run = this.#sample(id).finally(() => {
        this.#running.delete(id);
        waiting.resolve();
        this.#go();
      });
      this.#running.set(id, run);
    }
  }
}
