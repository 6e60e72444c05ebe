import Long from 'long';

const NANOS_PER_MS = 1e6;
/** The wall clock may have been set, or drift away, by so much before its word counts again. */
const TOLERANCE_MS = 50;

export interface ClockSources {
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number;
  /** Milliseconds that only grow, with parts of them. */
  readonly steadyMs: () => number;
}

/** The wall clock in nanoseconds since the epoch, finer than a millisecond and without steps back in between. */
export class WallClock {
  readonly #sources: ClockSources;
  #offsetMs: number;

  constructor(sources: ClockSources = { wallMs: Date.now, steadyMs: () => performance.now() }) {
    this.#sources = sources;
    this.#offsetMs = sources.wallMs() - sources.steadyMs();
  }

  now(): Long {
    const { wallMs, steadyMs } = this.#sources;
    const steady = steadyMs();
    const wall = wallMs();
    if (Math.abs(wall - steady - this.#offsetMs) > TOLERANCE_MS) this.#offsetMs = wall - steady;
    const ms = steady + this.#offsetMs;
    const whole = Math.floor(ms);
    return Long.fromNumber(whole, true)
      .multiply(NANOS_PER_MS)
      .add(Math.round((ms - whole) * NANOS_PER_MS));
  }
}
