/**
 * What becomes of one field of a request. A field that is set and not carried out must never be dropped in silence, so
 * every field has a rule: it is handled, refused by name, or harmless for a reason that is written down.
 */
export type FieldRule =
  | { readonly rule: 'handled' }
  | { readonly rule: 'harmless'; readonly why: string }
  | { readonly rule: 'refused'; readonly why: string; readonly when: RefuseWhen }
  /** Each system's own rule: the handler of the pod decides which counts. */
  | { readonly rule: 'by-platform'; readonly linux: FieldRule; readonly windows: FieldRule }
  /** A message, or a list of messages, whose fields have rules of their own. */
  | { readonly rule: 'nested'; readonly fields: FieldRules };

/** By the field's name in the proto. */
export type FieldRules = Readonly<Record<string, FieldRule>>;

/** True when the value asks for what is refused. `parent` is the message that holds the field. */
export type RefuseWhen = (value: unknown, parent: Readonly<Record<string, unknown>>) => boolean;

export const handled: FieldRule = { rule: 'handled' };

/** Not read at all, which is right because of `why`. */
export function harmless(why: string): FieldRule {
  return { rule: 'harmless', why };
}

/** InvalidArgument when it is set (or when `when` says so); `why` ends the sentence "… is not supported: ". */
export function refused(why: string, when: RefuseWhen = isSet): FieldRule {
  return { rule: 'refused', why, when };
}

export function byPlatform(rules: { readonly linux: FieldRule; readonly windows: FieldRule }): FieldRule {
  return { rule: 'by-platform', ...rules };
}

export function nested(fields: FieldRules): FieldRule {
  return { rule: 'nested', fields };
}

/** False for a field's zero value, and for a message all of whose fields are zero. */
export function isSet(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value !== 'object') return true;
  if (isZeroLong(value)) return false;
  return Object.values(value).some(isSet);
}

function isZeroLong(value: object): boolean {
  return 'isZero' in value && typeof value.isZero === 'function' && value.isZero() === true;
}
