/**
 * JSON that keeps whole numbers whole: those that a JavaScript number would round become a bigint when read, and stand as
 * plain digits when written. Filters of system calls compare 64-bit words; a spec that passes through here stays as it was.
 */

/** Throws a SyntaxError, as JSON.parse does. */
export function parseExactJson(text: string): unknown {
  return JSON.parse(text, exactly);
}

export function stringifyExactJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? asDigits(item) : item));
}

const WHOLE = /^-?\d+$/;

/** `context` is what the engine has and TypeScript's library does not know yet. */
function exactly(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? '';
  return WHOLE.test(source) ? BigInt(source) : value;
}

function asDigits(value: bigint): unknown {
  return (JSON as typeof JSON & { readonly rawJSON: (text: string) => unknown }).rawJSON(value.toString());
}
