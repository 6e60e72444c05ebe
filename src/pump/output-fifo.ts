import { closeSync, constants, openSync } from 'node:fs';
import { growPipe } from '../sys/fcntl.ts';
import { unreadBytes } from '../sys/fifo.ts';
import { WOULD_BLOCK } from '../sys/splice.ts';
import type { Journal } from './journal.ts';
import type { StreamName } from './line-formatter.ts';
import { CHUNK_BYTES } from './workspace.ts';

/** The pump's end of one of a container's output FIFOs, with the journal that its bytes go to. */
export class OutputFifo {
  readonly name: StreamName;
  readonly fd: number;
  readonly journal: Journal;
  /** What the kernel gave of the size that was asked for. */
  readonly pipeBytes: number;
  #hungUp = false;

  private constructor(name: StreamName, fd: number, journal: Journal, pipeBytes: number) {
    this.name = name;
    this.fd = fd;
    this.journal = journal;
    this.pipeBytes = pipeBytes;
  }

  /** Opens the FIFO at `path` without waiting for a writer. */
  static open(name: StreamName, path: string, journal: Journal, pipeBytes: number): OutputFifo {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      return new OutputFifo(name, fd, journal, growPipe(fd, pipeBytes));
    } catch (error) {
      closeSync(fd); // not a pipe
      throw error;
    }
  }

  /** Empty and without a writer when it was last asked: before the container's start, and after its end. */
  get hungUp(): boolean {
    return this.#hungUp;
  }

  /** Moves a piece into the journal: how many bytes. At 0 `hungUp` says whether a writer lives. */
  take(): number {
    const moved = this.journal.take(this.fd, CHUNK_BYTES);
    this.#hungUp = moved === 0;
    return moved === WOULD_BLOCK ? 0 : moved;
  }

  /** The last `length` bytes that landed in the journal, if it still has them all: right after `take` it has. */
  last(length: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(length);
    return bytes.subarray(0, this.journal.read(bytes, this.journal.size - length, length));
  }

  /** It must be asked again before it counts as hung up. */
  expectWriter(): void {
    this.#hungUp = false;
  }

  /** Bytes that wait in the FIFO. */
  unread(): number {
    return unreadBytes(this.fd);
  }

  close(): void {
    closeSync(this.fd);
  }
}
