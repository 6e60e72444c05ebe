/** Appended to a key's name in the frozen value, so that the unit is never a guess: `cni_timeout` is `cniTimeoutMs`. */
export type Suffix = '' | 'Ms' | 'Bytes';

/** What a key may hold: how it is read, written and described. */
export interface Kind<T, S extends Suffix = ''> {
  /** A word or two for the reference, e.g. `duration`. */
  readonly name: string;
  readonly suffix: S;
  /** The value of what a document or a flag gave; throws BadValue. */
  parse(raw: unknown): T;
  /** What a flag's text stands for, before parse(). */
  fromFlag(text: string): unknown;
  /** What parse() reads back as the same value. */
  toRaw(value: T): unknown;
}

/** Says what a value must be; the caller knows which key and where it stands. */
export class BadValue extends Error {
  override readonly name = 'BadValue';
}
