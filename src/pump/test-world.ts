import type { JournalSource } from './journal.ts';
import type { StreamName } from './line-formatter.ts';
import type { LogTarget } from './log-file.ts';
import type { FileIdentity, Progress, ProgressStore } from './progress.ts';

/** The process dies here. */
export class Crash extends Error {}

const STREAMS = ['stdout', 'stderr'] as const;
/** How many parts of a write may have landed when the process dies in it. */
const WRITE_PARTS = 4;

/** Decides at which of its counted moments the process dies. */
export class Fate {
  moments = 0;
  /** The process dies at this moment, counted from 1. */
  crashAt = Infinity;

  /** A moment at which the process may die; `leave` is what it leaves behind if it does. */
  moment(leave: () => void = () => undefined): void {
    if (++this.moments !== this.crashAt) return;
    leave();
    throw new Crash();
  }
}

/** What outlives the process: logs, journals and saved progress, in memory. Every change of it is a moment to die at. */
export class TestWorld {
  readonly fate = new Fate();
  readonly logs: MemoryLog[] = [];
  readonly journals: Readonly<Record<StreamName, MemoryJournal>>;
  readonly progress: ProgressStore;
  #saved: Progress | undefined;

  constructor() {
    this.journals = { stdout: new MemoryJournal(this.fate), stderr: new MemoryJournal(this.fate) };
    this.progress = {
      load: () => this.#saved,
      save: (progress) => {
        this.fate.moment();
        this.#saved = structuredClone(progress);
        this.fate.moment();
      },
    };
    this.newLog();
  }

  newLog(): MemoryLog {
    const log = new MemoryLog(this.fate, BigInt(this.logs.length + 1));
    this.logs.push(log);
    return log;
  }

  /** The log that the saved progress names. */
  get savedLog(): MemoryLog | undefined {
    return this.logs.find((log) => log.identity.inode === this.#saved?.log?.identity.inode);
  }

  get content(): Buffer {
    return Buffer.concat(this.logs.map((log) => log.content));
  }

  /** Bytes of memory that the journals take. */
  get journalMemory(): number {
    return STREAMS.reduce((sum, stream) => sum + this.journals[stream].memory, 0);
  }
}

export class MemoryLog implements LogTarget {
  readonly identity: FileIdentity;
  content = Buffer.alloc(0);
  /** The next write leaves so many bytes and fails, as on a full disk. */
  roomLeft: number | undefined;
  readonly #fate: Fate;

  constructor(fate: Fate, inode: bigint) {
    this.#fate = fate;
    this.identity = { device: 1n, inode, bornNs: 1n };
  }

  size(): number {
    return this.content.length;
  }

  append(bytes: Buffer, length: number): void {
    if (this.roomLeft !== undefined && this.roomLeft < length) {
      this.#add(bytes, this.roomLeft);
      this.roomLeft = undefined;
      throw new Error('ENOSPC');
    }
    for (let part = 0; part < WRITE_PARTS; part++) {
      this.#fate.moment(() => this.#add(bytes, Math.floor((length * part) / WRITE_PARTS)));
    }
    this.#add(bytes, length);
    this.#fate.moment();
  }

  readFrom(offset: number, limit: number): Buffer {
    return Buffer.from(this.content.subarray(offset, offset + limit));
  }

  cut(size: number): void {
    this.#fate.moment();
    this.content = this.content.subarray(0, size);
    this.#fate.moment();
  }

  #add(bytes: Buffer, length: number): void {
    this.content = Buffer.concat([this.content, bytes.subarray(0, length)]);
  }
}

export class MemoryJournal implements JournalSource {
  readonly #fate: Fate;
  #content = Buffer.alloc(0);
  #released = 0;

  constructor(fate: Fate) {
    this.#fate = fate;
  }

  get size(): number {
    return this.#content.length;
  }

  get memory(): number {
    return this.#content.length - this.#released;
  }

  /** As splice does: the bytes leave the FIFO as they land here. */
  take(bytes: Buffer): void {
    this.#content = Buffer.concat([this.#content, bytes]);
  }

  read(into: Buffer, offset: number, length: number): number {
    if (offset < this.#released) throw new Error('read of what was given back');
    return this.#content.copy(into, 0, offset, offset + length);
  }

  release(offset: number): void {
    this.#fate.moment();
    this.#released = offset;
    this.#fate.moment();
  }

  empty(): void {
    this.#fate.moment();
    this.#content = Buffer.alloc(0);
    this.#released = 0;
    this.#fate.moment();
  }
}
