import Long from 'long';
import { enumOf } from './enums.ts';

/**
 * A decoded message as protobuf's JSON has it: camelCase names, every field there is, 64-bit numbers as strings, enums by
 * name, bytes in base64.
 */
export function toJson(message: object): Readonly<Record<string, unknown>> {
  const fields: [string, unknown][] = [];
  // The defaults of absent fields stand on the prototype, which for…in reaches.
  for (const name in message) {
    const value: unknown = Reflect.get(message, name);
    if (typeof value !== 'function') fields.push([name, valueOf(message, name, value)]);
  }
  return Object.fromEntries(fields);
}

/** As toJson(), with the texts of `info` opened up, and at the end: it is the longest part. */
export function toJsonWithInfo(
  message: object & { readonly info: Readonly<Record<string, string>> },
): Readonly<Record<string, unknown>> {
  const { info: _, ...fields } = toJson(message);
  return { ...fields, info: openInfo(message.info) };
}

/** What the server put into `info`: JSON texts by name, opened up where they are JSON. */
function openInfo(info: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(info).map(([name, text]) => [name, parseOr(text)]));
}

function valueOf(message: object, name: string, value: unknown): unknown {
  const names = enumOf(message, name);
  return names !== undefined && typeof value === 'number' ? (names[value] ?? value) : plain(value);
}

function plain(value: unknown): unknown {
  if (Long.isLong(value)) return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) return toJson(value);
  return value;
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
