import { Writer } from 'protobufjs/minimal.js';

/** Field 1, length-delimited: what every item of a list reply starts with. */
const FIRST_FIELD_TAG = (1 << 3) | 2;

/**
 * Encodes replies whose only field is `repeated Item items = 1`. Such a reply is the concatenation of its items' encoded
 * fields, so each is encoded once per object and kept as long as the object lives. That is sound because the engine's
 * objects are frozen: what changes is a new object.
 */
export function createListEncoder<T extends object>(encode: (item: T) => Uint8Array): (items: readonly T[]) => Buffer {
  const pieces = new WeakMap<T, Uint8Array>();
  const pieceOf = (item: T): Uint8Array => {
    const known = pieces.get(item);
    if (known !== undefined) return known;
    const piece = Writer.create().uint32(FIRST_FIELD_TAG).bytes(encode(item)).finish();
    pieces.set(item, piece);
    return piece;
  };
  return (items) => Buffer.concat(items.map(pieceOf));
}
