import { FRAME_HEADER_BYTES, SPDY_VERSION } from './frame.ts';

/** Control frames come whole, data in pieces as it arrives; `fin` is with the last piece of a frame that carried it. */
export type ParsedFrame =
  | { readonly kind: 'control'; readonly type: number; readonly flags: number; readonly body: Buffer }
  | { readonly kind: 'data'; readonly streamId: number; readonly chunk: Buffer; readonly fin: boolean }
  | { readonly kind: 'broken'; readonly problem: string };

/** The longest control frame that is taken: headers of these protocols are a few short words. */
export const MAX_CONTROL_BYTES = 16 * 1024;

const NO_BYTES = Buffer.alloc(0);

/**
 * Cuts the bytes of a connection into frames. Never throws and allocates nothing on the word of a length field: bytes
 * that are no SPDY end in one `broken`, after which nothing comes.
 */
export class FrameParser {
  readonly #chunks: Buffer[] = [];
  #length = 0;
  /** The data frame whose bytes come next. */
  #data: { readonly streamId: number; readonly fin: boolean; left: number } | undefined;
  /** The control frame whose body is not there yet. */
  #control: { readonly type: number; readonly flags: number; readonly bytes: number } | undefined;
  #isBroken = false;

  /** Keeps the chunk, without a copy, until next() has used it up. */
  push(chunk: Buffer): void {
    if (this.#isBroken || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Undefined: more bytes are needed. */
  next(): ParsedFrame | undefined {
    if (this.#isBroken) return undefined;
    if (this.#data === undefined && this.#control === undefined) {
      if (this.#length < FRAME_HEADER_BYTES) return undefined;
      const problem = this.#begin(this.#take(FRAME_HEADER_BYTES));
      if (problem !== undefined) return this.#break(problem);
    }
    return this.#data === undefined ? this.#wholeControl() : this.#nextPiece(this.#data);
  }

  #begin(header: Buffer): string | undefined {
    const word = header.readUInt32BE(0);
    const flags = header.readUInt8(4);
    const bytes = header.readUIntBE(5, 3);
    if (word < 0x8000_0000) {
      this.#data = { streamId: word, fin: (flags & 1) === 1, left: bytes };
      return undefined;
    }
    const version = (word >>> 16) & 0x7fff;
    if (version !== SPDY_VERSION) return `a frame of version ${version}, not ${SPDY_VERSION}`;
    if (bytes > MAX_CONTROL_BYTES) return `a control frame of ${bytes} bytes, more than ${MAX_CONTROL_BYTES}`;
    this.#control = { type: word & 0xffff, flags, bytes };
    return undefined;
  }

  #wholeControl(): ParsedFrame | undefined {
    const control = this.#control;
    if (control === undefined || this.#length < control.bytes) return undefined;
    this.#control = undefined;
    return { kind: 'control', type: control.type, flags: control.flags, body: this.#take(control.bytes) };
  }

  #nextPiece(data: { readonly streamId: number; readonly fin: boolean; left: number }): ParsedFrame | undefined {
    const first = this.#chunks[0];
    if (data.left > 0 && first === undefined) return undefined;
    const chunk = this.#take(Math.min(data.left, first?.length ?? 0));
    data.left -= chunk.length;
    const isLast = data.left === 0;
    if (isLast) this.#data = undefined;
    return { kind: 'data', streamId: data.streamId, chunk, fin: isLast && data.fin };
  }

  /** The caller has checked that so many are there. */
  #take(bytes: number): Buffer {
    const first = this.#chunks[0];
    if (first === undefined || bytes === 0) return NO_BYTES;
    if (first.length < bytes) return this.#gather(bytes);
    this.#length -= bytes;
    if (first.length === bytes) {
      this.#chunks.shift();
      return first;
    }
    this.#chunks[0] = first.subarray(bytes);
    return first.subarray(0, bytes);
  }

  #gather(bytes: number): Buffer {
    const parts: Buffer[] = [];
    for (let left = bytes; left > 0;) {
      const part = this.#take(Math.min(left, this.#chunks[0]?.length ?? left));
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts, bytes);
  }

  #break(problem: string): ParsedFrame {
    this.#isBroken = true;
    this.#chunks.length = 0;
    this.#length = 0;
    return { kind: 'broken', problem };
  }
}
