import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { punchHole } from '../sys/punch-hole.ts';
import { splice } from '../sys/splice.ts';

/** What a transcript reads a stream's bytes from. */
export interface JournalSource {
  /** Bytes that it holds, those given back included: the next byte's offset. */
  readonly size: number;
  /** Reads up to `length` bytes at `offset` to the start of `into`; returns how many. */
  read(into: Buffer, offset: number, length: number): number;
  /** Gives the memory of the bytes before `offset` back, if they take more than `spare`; they are never read again. */
  release(offset: number, spare: number): void;
  /** Starts anew at offset 0. */
  empty(): void;
}

const JOURNAL_MODE = 0o600;
const PAGE_BYTES = 4096;

/**
 * A file on tmpfs that a stream's bytes are spliced into: they are in the FIFO or here, never in this process alone, and
 * the file's size says how many were taken.
 */
export class Journal implements JournalSource {
  readonly #fd: number;
  #size: number;
  #released = 0;

  private constructor(fd: number, size: number) {
    this.#fd = fd;
    this.#size = size;
  }

  /** Opens the journal, made if it is missing. */
  static open(path: string): Journal {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, JOURNAL_MODE);
    return new Journal(fd, fstatSync(fd).size);
  }

  get size(): number {
    return this.#size;
  }

  /** Moves up to `length` bytes out of a FIFO: how many, 0 when it has no writer, or WOULD_BLOCK. */
  take(fifo: number, length: number): number {
    const moved = splice(fifo, this.#fd, this.#size, length);
    if (moved > 0) this.#size += moved;
    return moved;
  }

  read(into: Buffer, offset: number, length: number): number {
    return readSync(this.#fd, into, 0, length, offset);
  }

  release(offset: number, spare: number): void {
    const end = offset - (offset % PAGE_BYTES);
    if (end - this.#released < Math.max(PAGE_BYTES, spare)) return;
    punchHole(this.#fd, this.#released, end - this.#released);
    this.#released = end;
  }

  empty(): void {
    ftruncateSync(this.#fd, 0);
    this.#size = 0;
    this.#released = 0;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
