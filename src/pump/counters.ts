/** What the pump has done since it started. */
export interface Counters {
  bytes: number;
  lines: number;
  lostBytes: number;
  stalls: number;
  stalledMs: number;
  reopens: number;
  /** Containers that ended with neither davitd nor a pump there to keep the last of their output. */
  unguardedEnds: number;
}

export function zeroCounters(): Counters {
  return { bytes: 0, lines: 0, lostBytes: 0, stalls: 0, stalledMs: 0, reopens: 0, unguardedEnds: 0 };
}
