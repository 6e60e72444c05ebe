import { EngineError } from './errors.ts';

/**
 * Readers of documents that operators write, whose errors name the place. A place is `syscalls[3].args[0].op`; empty: the
 * document itself.
 */
export type Place = string;
export type JsonObject = Readonly<Record<string, unknown>>;

/** An invalid-argument that names the place. */
export function placeError(place: Place, problem: string): EngineError {
  return new EngineError('invalid-argument', place === '' ? problem : `${place}: ${problem}`);
}

/** `key` of the object at `place`. */
export function below(place: Place, key: string): Place {
  return place === '' ? key : `${place}.${key}`;
}

/** An object without keys but the known ones: a misspelt one would leave a hole in a filter, or close a door. */
export function asObject(value: unknown, place: Place, keys: readonly string[], whole: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw placeError(place, 'is no object');
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw placeError(below(place, unknown), `is no key of ${whole}`);
  return value as JsonObject;
}

/** Absent and null are an empty list. */
export function asList<T>(value: unknown, place: Place, read: (item: unknown, place: Place) => T): readonly T[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw placeError(place, 'is no list');
  return value.map((item: unknown, index) => read(item, `${place}[${index}]`));
}

export function asText(value: unknown, place: Place): string {
  if (typeof value !== 'string' || value === '') throw placeError(place, 'is no text');
  if (value.includes('\0')) throw placeError(place, 'has a NUL in it');
  return value;
}

export function asOneOf<const T extends string>(value: unknown, place: Place, known: readonly T[]): T {
  const found = known.find((name) => name === value);
  if (found !== undefined) return found;
  throw placeError(place, `${shown(value)} is none of ${known.join(', ')}`);
}

export function asInteger(value: unknown, place: Place, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw placeError(place, `${shown(value)} is no whole number from 0 to ${max}`);
}

/** 64 bits without sign. */
export function asWord(value: unknown, place: Place): number | bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  if (typeof value === 'bigint' && value >= 0n && value < 1n << 64n) return value;
  throw placeError(place, `${shown(value)} is no whole number of 64 bits without sign`);
}

/** `{ [key]: read }` of what is there; nothing for what is absent or null. */
export function optional<const Key extends string, T>(
  from: JsonObject,
  key: Key,
  place: Place,
  read: (value: unknown, place: Place) => T,
): Partial<Readonly<Record<Key, T>>> {
  const value = from[key];
  if (value === undefined || value === null) return {};
  return { [key]: read(value, below(place, key)) } as Readonly<Record<Key, T>>;
}

function shown(value: unknown): string {
  const most = 80;
  return typeof value === 'bigint' ? value.toString() : (JSON.stringify(value)?.slice(0, most) ?? 'nothing');
}
