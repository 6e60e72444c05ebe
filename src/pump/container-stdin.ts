import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';

interface Piece {
  readonly owner: object;
  readonly chunk: Buffer;
  readonly done: () => void;
}

/**
 * The pump's writers of one container's stdin. The shim ends the container's stdin when the last writer goes, so the pump
 * holds one as long as the container lives, and davitd holds one for the time when the pump is away.
 */
export class ContainerStdin {
  readonly #path: string;
  #holder: number | undefined;
  #writer: Socket | undefined;
  #queue: Piece[] = [];
  #busy = false;

  private constructor(path: string, holder: number) {
    this.#path = path;
    this.#holder = holder;
  }

  /** Opens the FIFO for reading, too, so that it does not wait for the reader. */
  static open(path: string): ContainerStdin {
    const flags = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW;
    return new ContainerStdin(path, openSync(path, flags));
  }

  get isOpen(): boolean {
    return this.#holder !== undefined;
  }

  /** Writes after all that was written before; `done` is called when it is in the FIFO. An empty chunk marks a place. */
  write(owner: object, chunk: Buffer, done: () => void): void {
    this.#queue.push({ owner, chunk, done });
    this.#next();
  }

  /** Drops what the owner wrote and the FIFO had no room for yet; what is being written is written. */
  forget(owner: object): void {
    this.#queue = this.#queue.filter((piece) => piece.owner !== owner);
  }

  /** Lets go of the FIFO; what is not in it is dropped. */
  close(): void {
    this.#queue = [];
    this.#writer?.destroy();
    this.#writer = undefined;
    if (this.#holder !== undefined) closeSync(this.#holder);
    this.#holder = undefined;
  }

  /** Closes it for good: the path goes, so that nobody opens a writer again. The container reads what is in it, then its end. */
  end(): void {
    this.close();
    rmSync(this.#path, { force: true });
  }

  #next(): void {
    if (this.#busy) return;
    const piece = this.#queue.shift();
    if (piece === undefined) return;
    if (piece.chunk.length === 0 || this.#holder === undefined) {
      piece.done();
      return this.#next();
    }
    this.#busy = true;
    this.#writer ??= this.#openWriter();
    this.#writer.write(piece.chunk, () => {
      this.#busy = false;
      if (this.isOpen) piece.done();
      this.#next();
    });
  }

  /** Node waits for room in it; the holder keeps it from failing for want of a reader. */
  #openWriter(): Socket {
    const fd = openSync(this.#path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const writer = new Socket({ fd, readable: false, writable: true });
    writer.on('error', () => undefined); // the write's callback goes on
    return writer;
  }
}
