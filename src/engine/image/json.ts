import { EngineError } from '../errors.ts';

/** Nesting that no manifest or config needs; deeper documents are refused before they are parsed. */
const MAX_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Parses a document that came from outside into an object. `what` names it in errors, which are failed-precondition.
 * The caller has capped its size.
 */
export function parseJsonObject(bytes: Uint8Array, what: string): JsonObject {
  if (depthOf(bytes) > MAX_DEPTH) throw refuse(what, `nested deeper than ${MAX_DEPTH} levels`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new EngineError('failed-precondition', `${what} is not valid JSON`, { cause: error });
  }
  return asObject(value, what);
}

/** The own property `key`, so that `__proto__` and its like are never found by inheritance. */
export function field(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(what, 'is not an object');
  return value as JsonObject;
}

export function asArray(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw refuse(what, 'is not an array');
  return value;
}

export function asString(value: unknown, what: string): string {
  if (typeof value !== 'string') throw refuse(what, 'is not a string');
  return value;
}

/** A document that davit will not work with. */
export function refuse(what: string, problem: string): EngineError {
  return new EngineError('failed-precondition', `${what} ${problem}`);
}

function depthOf(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) deepest = Math.max(deepest, ++depth);
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
  return deepest;
}
