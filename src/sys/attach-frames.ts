/**
 * What goes over an attached connection, both ways, after the reply to `attach`: frames of one byte of kind, four of length
 * (big endian), then the payload.
 */
export const FRAME = {
  /** From the pump: what the container wrote. */
  stdout: 1,
  stderr: 2,
  /** From the pump, last of all: an AttachEnd as JSON. */
  end: 3,
  /** From the pump: so many bytes of stdin (u32, big endian) have reached the container's FIFO. */
  credit: 4,
  /** To the pump: for the container's stdin. No more than STDIN_WINDOW_BYTES may be on their way without a credit. */
  stdin: 5,
  /** To the pump: no more stdin comes from here. Empty. */
  stdinEnd: 6,
} as const;

export interface Frame {
  readonly kind: number;
  /** A view that stays valid. */
  readonly payload: Buffer;
}

/** Payload of one frame at most. */
export const FRAME_LIMIT_BYTES = 64 * 1024;
/** Stdin that a client may have under way: what the container does not read costs the pump no more than this. */
export const STDIN_WINDOW_BYTES = 256 * 1024;

const HEADER_BYTES = 5;
/** Below this, a copy is cheaper than a second piece to write. */
const SMALL_BYTES = 1024;

/** The pieces of a frame, to be written one after the other. The payload is not copied when it is large. */
export function encodeFrame(kind: number, payload: Buffer): readonly Buffer[] {
  const header = Buffer.allocUnsafe(HEADER_BYTES + (payload.length < SMALL_BYTES ? payload.length : 0));
  header[0] = kind;
  header.writeUInt32BE(payload.length, 1);
  if (payload.length >= SMALL_BYTES) return [header, payload];
  payload.copy(header, HEADER_BYTES);
  return [header];
}

/** Cuts what comes over a connection into frames. */
export class FrameParser {
  #rest: Buffer = Buffer.alloc(0);

  /** The frames that `chunk` completes; throws at one that is too long. */
  push(chunk: Buffer): readonly Frame[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const length = bytes.readUInt32BE(at + 1);
      if (length > FRAME_LIMIT_BYTES) throw new Error(`a frame is longer than ${FRAME_LIMIT_BYTES} bytes: ${length}`);
      const end = at + HEADER_BYTES + length;
      if (end > bytes.length) break;
      frames.push({ kind: bytes[at] ?? 0, payload: bytes.subarray(at + HEADER_BYTES, end) });
      at = end;
    }
    this.#rest = bytes.subarray(at);
    return frames;
  }
}
