interface Point {
  readonly usageNanos: number;
  readonly atMs: number;
}

/** A rate over less is noise: the kernel accounts for a running task at its ticks. */
const MIN_WINDOW_MS = 1000;
const NANOS_PER_MS = 1_000_000;
const NANOS_PER_SECOND = 1_000_000_000;

/** Processor use over the time between the last two looks that are far enough apart. */
export class CpuRate {
  #older: Point | undefined;
  #latest: Point | undefined;

  /** Billionths of a core; undefined while there is one look alone, and after the counter began anew. */
  next(point: Point): number | undefined {
    const latest = this.#latest;
    const far = latest !== undefined && point.atMs - latest.atMs >= MIN_WINDOW_MS;
    if (far) this.#older = latest;
    if (far || latest === undefined) this.#latest = point;
    const since = this.#older;
    if (since === undefined || point.usageNanos < since.usageNanos) return undefined;
    const windowNanos = (point.atMs - since.atMs) * NANOS_PER_MS;
    return Math.round(((point.usageNanos - since.usageNanos) / windowNanos) * NANOS_PER_SECOND);
  }
}
