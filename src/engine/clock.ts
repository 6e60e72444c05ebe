import type { Nanos } from './types/index.ts';

const NANOS_PER_MS = 1_000_000n;

/**
 * Creation times: the wall clock, but strictly increasing, also when the clock is set back and over restarts (`observe`
 * each stored time at start). The kubelet takes the largest `createdAt` for the newest container.
 */
export class Clock {
  readonly #wallMs: () => number;
  #last: Nanos = 0n;

  constructor(wallMs: () => number = Date.now) {
    this.#wallMs = wallMs;
  }

  next(): Nanos {
    const now = BigInt(this.#wallMs()) * NANOS_PER_MS;
    this.#last = now > this.#last ? now : this.#last + 1n;
    return this.#last;
  }

  observe(stored: Nanos): void {
    if (stored > this.#last) this.#last = stored;
  }
}

/** The wall clock's time, for what need not increase. */
export function nowNanos(): Nanos {
  return BigInt(Date.now()) * NANOS_PER_MS;
}
