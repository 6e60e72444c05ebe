import type { Writable } from 'node:stream';
import { writeParts } from '../write-parts.ts';
import { controlFrame, dataHeader, FLAG_FIN, FRAME, MAX_FRAME_BYTES, uint32 } from './frame.ts';
import type { ResetStatus } from './frame.ts';
import { HeaderDeflater } from './header-block.ts';

interface Pending {
  readonly streamId: number;
  readonly chunks: readonly Buffer[];
  readonly flags: number;
  readonly done: () => void;
}

const GO_AWAY_OK = 0;

/**
 * The frames that go out. Data waits, stream by stream in turn, while the transport is full; control frames are few and
 * small and go at once, so their sender watches backlogBytes.
 */
export class SpdyOutput {
  readonly #transport: Writable;
  readonly #headers = new HeaderDeflater();
  readonly #waiting: Pending[] = [];

  constructor(transport: Writable) {
    this.#transport = transport;
  }

  get backlogBytes(): number {
    return this.#transport.writableLength;
  }

  data(streamId: number, chunks: readonly Buffer[], done: () => void): void {
    this.#queue({ streamId, chunks, flags: 0, done });
  }

  fin(streamId: number, done: () => void): void {
    this.#queue({ streamId, chunks: [], flags: FLAG_FIN, done });
  }

  /** Data without a byte, which changes nothing, but fails where nobody is any more. */
  probe(streamId: number): void {
    writeParts(this.#transport, [dataHeader(streamId, 0, 0)]);
  }

  reply(streamId: number): void {
    writeParts(this.#transport, [controlFrame(FRAME.synReply, 0, uint32(streamId), this.#headers.write([]))]);
  }

  reset(streamId: number, status: ResetStatus): void {
    writeParts(this.#transport, [controlFrame(FRAME.rstStream, 0, uint32(streamId), uint32(status))]);
  }

  ping(id: Buffer): void {
    writeParts(this.#transport, [controlFrame(FRAME.ping, 0, id)]);
  }

  goAway(lastStreamId: number): void {
    writeParts(this.#transport, [controlFrame(FRAME.goAway, 0, uint32(lastStreamId), uint32(GO_AWAY_OK))]);
  }

  /** To be called on the transport's `drain`. */
  drained(): void {
    while (!this.#isFull()) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#write(next);
    }
  }

  #queue(pending: Pending): void {
    if (this.#isFull() || this.#waiting.length > 0) this.#waiting.push(pending);
    else this.#write(pending);
  }

  #write({ streamId, chunks, flags, done }: Pending): void {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const frames =
      bytes <= MAX_FRAME_BYTES
        ? [dataHeader(streamId, flags, bytes), ...chunks]
        : chunks.flatMap(pieces).flatMap((piece) => [dataHeader(streamId, flags, piece.length), piece]);
    writeParts(this.#transport, frames, done);
  }

  #isFull(): boolean {
    return this.#transport.writableNeedDrain;
  }
}

function pieces(chunk: Buffer): readonly Buffer[] {
  const count = Math.ceil(chunk.length / MAX_FRAME_BYTES);
  return Array.from({ length: count }, (_, n) => chunk.subarray(n * MAX_FRAME_BYTES, (n + 1) * MAX_FRAME_BYTES));
}
