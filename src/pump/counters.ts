/** What the pump has done since it started. */
export interface Counters {
  bytes: number;
  lines: number;
  lostBytes: number;
  stalls: number;
  stalledMs: number;
  reopens: number;
}

export function zeroCounters(): Counters {
  return { bytes: 0, lines: 0, lostBytes: 0, stalls: 0, stalledMs: 0, reopens: 0 };
}
