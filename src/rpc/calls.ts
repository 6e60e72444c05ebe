/** The calls that have not ended: counted, and all of them abortable at once. */
export class Calls {
  readonly #running = new Set<RunningCall>();
  #started = 0;

  /** Those that end by themselves: calls that go on until the caller leaves are not among them. */
  get size(): number {
    return [...this.#running].filter(({ endless }) => !endless).length;
  }

  begin(endless = false): RunningCall {
    const controller = new AbortController();
    this.#started += 1;
    const call: RunningCall = {
      id: this.#started,
      endless,
      signal: controller.signal,
      abort: (reason) => controller.abort(reason),
      end: () => this.#running.delete(call),
    };
    this.#running.add(call);
    return call;
  }

  abortAll(reason: Error): void {
    for (const call of this.#running) call.abort(reason);
  }

  /** Aborts the calls that nobody need wait for, since they have no end of their own. */
  abortEndless(reason: Error): void {
    for (const call of this.#running) if (call.endless) call.abort(reason);
  }
}

export interface RunningCall {
  /** Counted from 1 for as long as the process lives. */
  readonly id: number;
  readonly endless: boolean;
  readonly signal: AbortSignal;
  abort(reason: Error): void;
  end(): void;
}
