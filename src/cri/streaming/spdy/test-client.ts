import type { Duplex } from 'node:stream';
import { createDeflate, createInflate, constants } from 'node:zlib';
import type { Deflate, Inflate } from 'node:zlib';
import { headerDictionary } from './dictionary.ts';

export interface ReceivedFrame {
  /** `data`, or a control frame's type. */
  readonly type: number | 'data';
  readonly streamId: number;
  readonly flags: number;
  /** Of a control frame what comes after the stream's id; headers are inflated. */
  readonly body: Buffer;
}

/** What came on one stream. */
export interface ReceivedStream {
  readonly chunks: Buffer[];
  bytes: number;
  isReplied: boolean;
  isFinished: boolean;
  /** The status of a reset. */
  reset: number | undefined;
}

/** A client's end of SPDY/3.1 for tests, with a parser and a compression of its own. */
export class TestSpdyClient {
  readonly frames: ReceivedFrame[] = [];
  readonly streams = new Map<number, ReceivedStream>();
  readonly transport: Duplex;
  /** Keep what streams receive, not only how much. */
  keepsData = true;
  isGoneAway = false;
  isHungUp = false;
  readonly #deflate: Deflate;
  readonly #inflate: Inflate;
  #nextId = 1;
  #rest = Buffer.alloc(0);
  #work: Promise<void> = Promise.resolve();
  #wake: (() => void)[] = [];

  constructor(transport: Duplex) {
    this.transport = transport;
    this.#deflate = createDeflate({ dictionary: headerDictionary(), flush: constants.Z_SYNC_FLUSH });
    this.#inflate = createInflate({ dictionary: headerDictionary(), flush: constants.Z_SYNC_FLUSH });
    transport.on('data', (chunk: Buffer) => {
      transport.pause();
      this.#work = this.#work.then(async () => {
        await this.#receive(chunk);
        transport.resume();
      });
    });
    const hungUp = (): void => {
      this.isHungUp = true;
      this.#tell();
    };
    transport.on('end', hungUp).on('close', hungUp).on('error', hungUp);
  }

  /** Sends SYN_STREAM; the answer shows in the stream. */
  async open(headers: Readonly<Record<string, string>>, flags = 0): Promise<number> {
    const id = this.#nextId;
    this.#nextId += 2;
    await this.openAs(id, headers, flags);
    return id;
  }

  async openAs(id: number, headers: Readonly<Record<string, string>>, flags = 0): Promise<void> {
    const block = await this.deflate(headerBlock(Object.entries(headers)));
    this.sendControl(1, flags, Buffer.concat([u32(id), u32(0), Buffer.alloc(2), block]));
  }

  /** As part of this connection's header stream. */
  deflate(block: Buffer): Promise<Buffer> {
    return transform(this.#deflate, block);
  }

  send(id: number, data: Buffer | string, fin = false): boolean {
    const body = Buffer.from(data);
    return this.raw(Buffer.concat([u32(id), lengthWord(fin ? 1 : 0, body.length), body]));
  }

  sendControl(type: number, flags: number, body: Buffer): boolean {
    return this.raw(Buffer.concat([Buffer.from([0x80, 3, 0, type]), lengthWord(flags, body.length), body]));
  }

  raw(bytes: Buffer): boolean {
    return this.transport.write(bytes);
  }

  stream(id: number): ReceivedStream {
    const known = this.streams.get(id);
    if (known !== undefined) return known;
    const fresh = { chunks: [], bytes: 0, isReplied: false, isFinished: false, reset: undefined };
    this.streams.set(id, fresh);
    return fresh;
  }

  text(id: number): string {
    return Buffer.concat(this.stream(id).chunks).toString();
  }

  /** Resolves when the condition holds; looked at after every frame. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake.push(resolve);
      await promise;
    }
  }

  async #receive(chunk: Buffer): Promise<void> {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (let end = frameEnd(bytes, at); end !== undefined; end = frameEnd(bytes, at)) {
      const frame = toFrame(bytes.subarray(at, end));
      at = end;
      this.#take(frame.type === 2 ? { ...frame, body: await transform(this.#inflate, frame.body) } : frame);
    }
    this.#rest = Buffer.from(bytes.subarray(at));
    this.#tell();
  }

  #take(frame: ReceivedFrame): void {
    const { type, streamId, flags, body } = frame;
    if (type === 'data') this.#data(streamId, flags, body);
    if (type === 2) this.stream(streamId).isReplied = true;
    if (type === 3) this.stream(streamId).reset = body.readUInt32BE(0);
    if (type === 7) this.isGoneAway = true;
    if (this.keepsData) this.frames.push(frame);
  }

  #data(streamId: number, flags: number, body: Buffer): void {
    const stream = this.stream(streamId);
    if (this.keepsData && body.length > 0) stream.chunks.push(body);
    stream.bytes += body.length;
    if ((flags & 1) === 1) stream.isFinished = true;
  }

  #tell(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const one of wake) one();
  }
}

export function headerBlock(headers: readonly (readonly [string, string])[]): Buffer {
  const texts = headers.flat().flatMap((text) => [u32(text.length), Buffer.from(text, 'latin1')]);
  return Buffer.concat([u32(headers.length), ...texts]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Where the frame that begins at `at` ends, if all of it is there. */
function frameEnd(bytes: Buffer, at: number): number | undefined {
  if (bytes.length < at + 8) return undefined;
  const end = at + 8 + bytes.readUIntBE(at + 5, 3);
  return end <= bytes.length ? end : undefined;
}

function toFrame(bytes: Buffer): ReceivedFrame {
  const isControl = bytes.readUInt8(0) >= 0x80;
  return {
    type: isControl ? bytes.readUInt16BE(2) : 'data',
    streamId: bytes.readUInt32BE(isControl ? 8 : 0),
    flags: bytes.readUInt8(4),
    body: bytes.subarray(isControl ? 12 : 8),
  };
}

function lengthWord(flags: number, length: number): Buffer {
  const word = u32(length);
  word.writeUInt8(flags, 0);
  return word;
}

function transform(through: Deflate | Inflate, bytes: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const pieces: Buffer[] = [];
  const collect = (piece: Buffer): void => void pieces.push(piece);
  through.on('data', collect).once('error', reject);
  through.write(bytes);
  through.flush(constants.Z_SYNC_FLUSH, () => resolve(Buffer.concat(pieces)));
  return promise.finally(() => through.off('data', collect).off('error', reject));
}
