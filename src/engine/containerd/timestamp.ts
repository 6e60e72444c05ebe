import type { Nanos } from '../types/index.ts';
import type { google } from './generated/containerd.js';

const NANOS_PER_SECOND = 1_000_000_000n;

/** Nanoseconds since the epoch; 0 for an absent time and for Go's zero time, which lies in the year 1. */
export function nanosOf(timestamp: google.protobuf.Timestamp | null): Nanos {
  if (timestamp === null) return 0n;
  const nanos = timestamp.seconds.toBigInt() * NANOS_PER_SECOND + BigInt(timestamp.nanos);
  return nanos < 0n ? 0n : nanos;
}
