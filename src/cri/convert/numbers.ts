import Long from 'long';
import { invalidField } from '../../engine/index.ts';
import type { Int64Value } from '../generated/cri.js';

/** Ids of users and groups: 32 bits, the last of which means "none" to the kernel. */
const MAX_ID = 2 ** 32 - 2;

/** A 64-bit field as a number. Throws invalid-argument beyond 2^53, where numbers lose digits. */
export function toNumber(field: string, value: Long): number {
  const number = value.toNumber();
  if (!Number.isSafeInteger(number)) throw invalidField(field, `${value.toString()} is out of range`);
  return number;
}

/** As toNumber(); 0 means "not set" in the resources of a request. */
export function toNumberIfSet(field: string, value: Long): number | undefined {
  return value.isZero() ? undefined : toNumber(field, value);
}

export function toUserId(field: string, value: Long): number {
  const id = toNumber(field, value);
  if (id < 0 || id > MAX_ID) throw invalidField(field, `${id} is not a user or group id`);
  return id;
}

export function toOptionalUserId(field: string, value: Int64Value | null): number | undefined {
  return value === null ? undefined : toUserId(field, value.value);
}

/** A time or a size as a 64-bit field. */
export function toLong(value: bigint | number): Long {
  return typeof value === 'bigint' ? Long.fromBigInt(value) : Long.fromNumber(value);
}

export function toUnsignedLong(value: number): Long {
  return Long.fromNumber(value, true);
}
