/** Frames of SPDY/3.1 as bytes (SPDY draft 3.1, section 2.2). */
export const SPDY_VERSION = 3;

/** What a frame begins with. */
export const FRAME_HEADER_BYTES = 8;

/** A length has three bytes. */
export const MAX_FRAME_BYTES = 2 ** 24 - 1;

export const FRAME = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goAway: 7, headers: 8 } as const;
export type ControlType = (typeof FRAME)[keyof typeof FRAME];

/** The sender sends no more on this stream. */
export const FLAG_FIN = 1;

export const RESET = { protocolError: 1, refusedStream: 3, cancel: 5 } as const;
export type ResetStatus = (typeof RESET)[keyof typeof RESET];

const CONTROL_BIT = 0x8000;

export function controlFrame(type: ControlType, flags: number, ...body: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt16BE(CONTROL_BIT | SPDY_VERSION, 0);
  header.writeUInt16BE(type, 2);
  header.writeUInt8(flags, 4);
  header.writeUIntBE(
    body.reduce((bytes, part) => bytes + part.length, 0),
    5,
    3,
  );
  return Buffer.concat([header, ...body]);
}

/** What goes before `length` bytes of data. */
export function dataHeader(streamId: number, flags: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header.writeUInt32BE(streamId, 0);
  header.writeUInt8(flags, 4);
  header.writeUIntBE(length, 5, 3);
  return header;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
