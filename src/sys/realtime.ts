import { check, libc } from './libc.ts';

const CLOCK_REALTIME = 0;
const TIMESPEC_BYTES = 16;
const NANOS_AT = 8;

const clockGettime = libc.func('int clock_gettime(int, void*)') as (clock: number, at: Buffer) => number;

/** A point of the wall clock. */
export interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

/** The wall clock with its nanoseconds, which Date lacks. */
export function realtime(): Instant {
  const timespec = Buffer.allocUnsafe(TIMESPEC_BYTES);
  check(clockGettime(CLOCK_REALTIME, timespec), 'clock_gettime');
  return { seconds: timespec.readUIntLE(0, 6), nanos: timespec.readUInt32LE(NANOS_AT) };
}
