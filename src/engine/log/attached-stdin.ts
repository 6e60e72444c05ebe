import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { encodeFrame, FRAME, FRAME_LIMIT_BYTES, STDIN_WINDOW_BYTES } from '../../sys/attach-frames.ts';

const NO_BYTES = Buffer.alloc(0);

/** Stdin of an attached client: it takes a window's worth more than the container has read. */
export class AttachedStdin extends Writable {
  readonly #socket: Socket;
  #window = STDIN_WINDOW_BYTES;
  /** What the window has no room for; the write is done when all of it is sent. */
  #waiting: { rest: Buffer; readonly done: () => void } | undefined;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
  }

  /** So many bytes have reached the container. */
  credit(bytes: number): void {
    this.#window += bytes;
    this.#send();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#waiting = { rest: chunk, done };
    this.#send();
  }

  override _final(done: () => void): void {
    this.#write(FRAME.stdinEnd, NO_BYTES);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    done(error);
    waiting?.done();
  }

  #send(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    while (waiting.rest.length > 0 && this.#window > 0) {
      const length = Math.min(waiting.rest.length, this.#window, FRAME_LIMIT_BYTES);
      this.#write(FRAME.stdin, waiting.rest.subarray(0, length));
      this.#window -= length;
      waiting.rest = waiting.rest.subarray(length);
    }
    if (waiting.rest.length > 0) return;
    this.#waiting = undefined;
    waiting.done();
  }

  /** What the socket does not take at once is no more than the window. */
  #write(kind: number, payload: Buffer): void {
    if (!this.#socket.writable) return; // it has ended; so will this stream
    for (const piece of encodeFrame(kind, payload)) this.#socket.write(piece);
  }
}
