import { createInflate } from 'node:zlib';
import type { Inflate } from 'node:zlib';
import { EngineError, messageOf } from '../../../engine/index.ts';
import { headerDictionary } from './dictionary.ts';
import { uint32 } from './frame.ts';

/** Names in lower case. A name that comes more than once in a block has its last value. */
export type SpdyHeaders = ReadonlyMap<string, string>;

/** Of one block, inflated. */
export const MAX_BLOCK_BYTES = 16 * 1024;
export const MAX_HEADERS = 64;

/** zlib's two bytes with "dictionary follows" and the checksum of the dictionary. */
const ZLIB_PREFIX = Buffer.from('78bbe3c6a7c2', 'hex');
/** An empty stored block: what zlib's sync flush ends with, and what readers of a block wait for. */
const SYNC_MARK = Buffer.from('000000ffff', 'hex');

/**
 * Reads the header blocks of one direction of one connection: they are one deflate stream, so they must be read all,
 * in order, one at a time. After a failure nothing more can be read.
 */
export class HeaderInflater implements Disposable {
  /** A failure is told by read(); one between two reads is told by the next. */
  readonly #inflate: Inflate = createInflate({ dictionary: headerDictionary() }).on('error', () => undefined);

  /** Rejects when the block is damaged, or larger than MAX_BLOCK_BYTES or MAX_HEADERS; no more is inflated then. */
  async read(block: Buffer): Promise<SpdyHeaders> {
    return parseHeaders(await inflateBlock(this.#inflate, block));
  }

  [Symbol.dispose](): void {
    this.#inflate.destroy();
  }
}

/** Writes header blocks of one direction, without compression: they are empty but for tests. */
export class HeaderDeflater {
  #isFirst = true;

  write(headers: readonly (readonly [string, string])[]): Buffer {
    const pairs = headers.flat().flatMap((text) => [uint32(Buffer.byteLength(text)), Buffer.from(text)]);
    const block = Buffer.concat([uint32(headers.length), ...pairs]);
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(block.length, 1);
    stored.writeUInt16LE(block.length ^ 0xffff, 3);
    const prefix = this.#isFirst ? [ZLIB_PREFIX] : [];
    this.#isFirst = false;
    return Buffer.concat([...prefix, stored, block, SYNC_MARK]);
  }
}

function inflateBlock(inflate: Inflate, block: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const pieces: Buffer[] = [];
  let bytes = 0;
  // zlib stops by itself when nobody takes what it has inflated, so a bomb grows no further than what is taken here.
  const take = (): void => {
    for (let piece = readPiece(inflate); piece !== undefined; piece = readPiece(inflate)) {
      bytes += piece.length;
      if (bytes > MAX_BLOCK_BYTES) {
        onError(new Error(`it inflates to more than ${MAX_BLOCK_BYTES} bytes`));
        inflate.destroy();
        return;
      }
      pieces.push(piece);
    }
  };
  const onError = (error: Error): void => reject(broken(messageOf(error)));
  const onClose = (): void => reject(broken('the connection was closed'));
  inflate.on('readable', take).on('error', onError).on('close', onClose);
  inflate.write(block, (error) => {
    if (error instanceof Error) return onError(error);
    take();
    resolve(Buffer.concat(pieces));
  });
  return promise.finally(() => inflate.off('readable', take).off('error', onError).off('close', onClose));
}

function readPiece(inflate: Inflate): Buffer | undefined {
  return (inflate.read() as Buffer | null) ?? undefined;
}

function parseHeaders(block: Buffer): SpdyHeaders {
  const count = block.length < 4 ? 0 : block.readUInt32BE(0);
  if (block.length < 4 || count > MAX_HEADERS) throw broken(`${count} headers in ${block.length} bytes`);
  const headers = new Map<string, string>();
  let at = 4;
  const readText = (): string => {
    const length = at + 4 <= block.length ? block.readUInt32BE(at) : Infinity;
    if (at + 4 + length > block.length) throw broken(`a text at byte ${at} is longer than the block`);
    at += 4 + length;
    return block.toString('latin1', at - length, at);
  };
  for (let left = count; left > 0; left--) headers.set(readText().toLowerCase(), readText());
  return headers;
}

function broken(problem: string): EngineError {
  return new EngineError('invalid-argument', `SPDY header block: ${problem}`);
}
