import { Duplex } from 'node:stream';
import { Inflow } from '../inflow.ts';
import type { InputBudget } from '../inflow.ts';
import type { SpdyHeaders } from './header-block.ts';

/** What a stream needs of its connection. */
export interface StreamLink {
  readonly budget: InputBudget;
  /** Calls `done` once the stream may send more; never, when the connection is gone. */
  sendData(streamId: number, chunks: readonly Buffer[], done: () => void): void;
  sendFin(streamId: number, done: () => void): void;
  /** The stream is over. `isWhole` says that both sides have sent their end; otherwise the client is to be told. */
  closed(streamId: number, isWhole: boolean): void;
}

/** What is handed to the connection at once and then waited for. */
const OUTPUT_BUFFER_BYTES = 64 * 1024;

/**
 * One stream of a connection. end() is the half close of our side; `end` is the client's. destroy() before both resets
 * the stream. A stream that the client resets, or whose connection goes, is destroyed without an error.
 */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #link: StreamLink;
  readonly #inflow: Inflow;
  #hasSentFin = false;
  #hasReceivedFin = false;
  #wasReset = false;

  constructor(id: number, headers: SpdyHeaders, link: StreamLink) {
    super({ readableHighWaterMark: 1, writableHighWaterMark: OUTPUT_BUFFER_BYTES });
    this.id = id;
    this.headers = headers;
    this.#link = link;
    this.#inflow = new Inflow(link.budget, (chunk) => this.push(chunk));
  }

  /** For the connection: what the client sent. */
  receive(chunk: Buffer, fin: boolean): void {
    this.#inflow.offer(chunk);
    if (!fin) return;
    this.#hasReceivedFin = true;
    this.#inflow.end();
  }

  /** For the connection: the client has reset the stream. */
  receiveReset(): void {
    this.#wasReset = true;
    this.destroy();
  }

  /** From now on input is thrown away, what waits too: nobody will read it, and nobody shall wait for that. */
  discardInput(): void {
    this.#inflow.drop();
  }

  override _read(): void {
    this.#inflow.want();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#link.sendData(this.id, [chunk], callback);
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    callback: (error?: Error | null) => void,
  ): void {
    this.#link.sendData(
      this.id,
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#hasSentFin = true;
    this.#link.sendFin(this.id, callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#inflow.drop();
    this.#link.closed(this.id, this.#wasReset || (this.#hasSentFin && this.#hasReceivedFin));
    callback(error);
  }
}
