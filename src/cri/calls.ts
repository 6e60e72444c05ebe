/** The calls that have not ended: counted, and all of them abortable at once. */
export class Calls {
  readonly #running = new Set<AbortController>();
  #started = 0;

  get size(): number {
    return this.#running.size;
  }

  begin(): RunningCall {
    const controller = new AbortController();
    this.#running.add(controller);
    this.#started += 1;
    return {
      id: this.#started,
      signal: controller.signal,
      abort: (reason) => controller.abort(reason),
      end: () => this.#running.delete(controller),
    };
  }

  abortAll(reason: Error): void {
    for (const controller of this.#running) controller.abort(reason);
  }
}

export interface RunningCall {
  /** Counted from 1 for as long as the process lives. */
  readonly id: number;
  readonly signal: AbortSignal;
  abort(reason: Error): void;
  end(): void;
}
