import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';

/** What is read at once: what a FIFO of a stream holds. */
const PIECE_BYTES = 256 * 1024;

/**
 * An output as a stream. It is read by readers of streams, piece by piece in memory of its own, or forwarded, where one
 * piece of memory does for all of it. Nothing is read before somebody wants it.
 */
export class OutputStream extends Readable {
  readonly #socket: Socket;
  readonly #piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #take: (piece: Buffer) => boolean = (piece) => this.push(Buffer.from(piece));
  #isForwarded = false;
  #isAtEnd = false;

  /** Takes over the reading end of a FIFO, which was opened without waiting. */
  constructor(fd: number) {
    super({ highWaterMark: PIECE_BYTES });
    this.#socket = new Socket({
      fd,
      readable: true,
      writable: false,
      onread: { buffer: this.#piece, callback: (bytes) => this.#take(this.#piece.subarray(0, bytes)) },
    });
    this.#socket.pause();
    this.#socket.once('end', () => {
      this.#isAtEnd = true;
      this.push(null);
      if (this.#isForwarded) this.resume(); // nobody else reads the end
    });
    this.#socket.once('error', (error) => this.destroy(error));
    // After the end, what was read may still wait for its reader.
    this.#socket.once('close', () => void (this.#isAtEnd || this.destroy()));
  }

  /**
   * Writes all of the output to `to`, which it ends with the output's end, and a piece only when `to` has called back for
   * the one before. Resolves when the output has ended, or was closed; rejects when it or `to` breaks. To be called instead
   * of reading.
   */
  async forwardTo(to: Writable, onPiece: () => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#isForwarded = true;
    this.#take = (piece) => {
      onPiece();
      to.write(piece, (error) => {
        if (error === null || error === undefined) this.#socket.resume();
      });
      return false;
    };
    const broken = (error?: Error): void => {
      this.destroy();
      reject(error ?? new Error('the output is taken no more'));
    };
    to.once('error', broken);
    to.once('close', broken);
    this.once('error', reject);
    this.#socket.once('close', resolve);
    this.#socket.once('end', resolve);
    this.#socket.resume();
    await promise;
    to.off('error', broken);
    to.off('close', broken);
    to.end();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }
}
