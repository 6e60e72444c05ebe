const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5000;

/** Why one container's output does not move, and when it is tried again: after 100 ms, then at double intervals up to 5 s. */
export class Stall {
  readonly problem: string;
  readonly sinceMs: number;
  readonly #retry: () => void;
  #delayMs = FIRST_RETRY_MS;
  #timer: NodeJS.Timeout | undefined;

  constructor(problem: string, retry: () => void) {
    this.problem = problem;
    this.sinceMs = performance.now();
    this.#retry = retry;
  }

  /** Plans the next try. */
  schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#retry, this.#delayMs);
    this.#delayMs = Math.min(2 * this.#delayMs, LAST_RETRY_MS);
  }

  /** Ends it; returns how long it lasted. */
  end(): number {
    clearTimeout(this.#timer);
    return performance.now() - this.sinceMs;
  }
}
