import { asObject, asString, field, refuse } from './json.ts';
import { isDigest } from './reference.ts';

/** What a manifest or an index says of a blob. Nothing of it is believed before size and digest are checked. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** `mayBeEmpty`: a blob of no bytes is one, too. Throws failed-precondition that names the place. */
export function readDescriptor(value: unknown, what: string, mayBeEmpty = false): Descriptor {
  const object = asObject(value, what);
  const digest = asString(field(object, 'digest'), `${what}.digest`);
  if (!isDigest(digest)) throw refuse(`${what}.digest`, 'is no sha256 digest');
  const size = field(object, 'size');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < (mayBeEmpty ? 0 : 1)) {
    throw refuse(`${what}.size`, mayBeEmpty ? 'is no number of bytes' : 'is no positive number of bytes');
  }
  return { mediaType: asString(field(object, 'mediaType'), `${what}.mediaType`), digest, size };
}
