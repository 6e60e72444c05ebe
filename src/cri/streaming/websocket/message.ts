/** What a message holds (RFC 6455, section 5.2). */
export const MESSAGE = { text: 1, binary: 2 } as const;
export type MessageKind = (typeof MESSAGE)[keyof typeof MESSAGE];

const FIN = 0x80;
/** A length below is written as it is; this one says that two bytes with it follow, … */
const LENGTH_16 = 126;
/** … and this one that eight do. */
const LENGTH_64 = 127;
const MAX_LENGTH_16 = 0xffff;

/**
 * What a server sends before a message's bytes, which may be anything up to 2^32 - 1: one frame, not masked. `first` are
 * the first of these bytes.
 */
export function messageHead(kind: MessageKind, length: number, ...first: readonly number[]): Buffer {
  if (length < LENGTH_16) return Buffer.of(FIN | kind, length, ...first);
  if (length <= MAX_LENGTH_16) return Buffer.of(FIN | kind, LENGTH_16, length >> 8, length & 0xff, ...first);
  const head = Buffer.of(FIN | kind, LENGTH_64, 0, 0, 0, 0, 0, 0, 0, 0, ...first);
  head.writeUInt32BE(length, 6);
  return head;
}
