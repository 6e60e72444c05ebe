import { Writer } from 'protobufjs/minimal.js';

/** Field 1, length-delimited: what every item of a list reply starts with. */
const FIRST_FIELD_TAG = (1 << 3) | 2;

/** The most of one part of a streamed list, unless one item is larger: far below what any client takes (4 MiB). */
const PART_BYTES = 1024 * 1024;

/** Encodes replies whose only field is `repeated Item items = 1`. */
export interface ListEncoder<T> {
  /** All items in one reply. */
  whole(items: readonly T[]): Buffer;
  /** As many replies as it takes, each item in exactly one of them; none for no item. */
  parts(items: readonly T[]): Iterable<Buffer>;
}

/**
 * Such a reply is the concatenation of its items' encoded fields, so each is encoded once per object and kept as long as
 * the object lives. That is sound because the engine's objects are frozen: what changes is a new object.
 */
export function createListEncoder<T extends object>(
  encode: (item: T) => Uint8Array,
  partBytes: number = PART_BYTES,
): ListEncoder<T> {
  const pieces = new WeakMap<T, Uint8Array>();
  const pieceOf = (item: T): Uint8Array => {
    const known = pieces.get(item);
    if (known !== undefined) return known;
    const piece = Writer.create().uint32(FIRST_FIELD_TAG).bytes(encode(item)).finish();
    pieces.set(item, piece);
    return piece;
  };
  return {
    whole: (items) => Buffer.concat(items.map(pieceOf)),
    *parts(items) {
      let part: Uint8Array[] = [];
      let size = 0;
      for (const item of items) {
        const piece = pieceOf(item);
        if (size > 0 && size + piece.length > partBytes) {
          yield Buffer.concat(part);
          part = [];
          size = 0;
        }
        part.push(piece);
        size += piece.length;
      }
      if (size > 0) yield Buffer.concat(part);
    },
  };
}
