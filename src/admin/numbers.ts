import Long from 'long';

/** An int64 or uint64 field, of which the wire keeps 64 bits. */
export function toLong(value: bigint | number): Long {
  return typeof value === 'bigint' ? Long.fromString(value.toString()) : Long.fromNumber(value);
}

const MILLI = 1_000_000n;

/** Milliseconds since the epoch as the nanoseconds that the protocol has. */
export function fromMs(ms: number): Long {
  return toLong(BigInt(Math.round(ms)) * MILLI);
}

export function optionalLong(value: bigint | number | undefined): Long | null {
  return value === undefined ? null : toLong(value);
}

/** An optional time of a request. */
export function toNanos(value: Long | null): bigint | undefined {
  return value === null ? undefined : BigInt(value.toString());
}
