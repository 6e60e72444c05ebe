import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  writeSync,
  type BigIntStats,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { PumpError } from './pump-error.ts';
import type { FileIdentity } from './progress.ts';

/** What a transcript writes lines to. */
export interface LogTarget {
  readonly identity: FileIdentity;
  size(): number;
  /** Appends the first `length` bytes; throws when not all could be written, some may be. */
  append(bytes: Buffer, length: number): void;
  /** What it holds from `offset` on, `limit` bytes at most. */
  readFrom(offset: number, limit: number): Buffer;
  cut(size: number): void;
}

const LOG_MODE = 0o640;
const FOLDER_MODE = 0o755;
/** Not through a link, and never waiting for a reader or writer of what is no file. */
const OPEN_FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A CRI log, open for appending. */
export class LogFile implements LogTarget {
  readonly identity: FileIdentity;
  readonly #fd: number;

  private constructor(fd: number, identity: FileIdentity) {
    this.#fd = fd;
    this.identity = identity;
  }

  /** Opens the log at `path`, made with mode 0640 if it is missing. */
  static open(path: string): LogFile {
    return LogFile.#opened(path, openSync(path, OPEN_FLAGS | constants.O_CREAT, LOG_MODE));
  }

  /** As `open`, and makes the folders above it. */
  static create(path: string): LogFile {
    mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE });
    return LogFile.open(path);
  }

  /** Opens the log with this identity, at `path` or, rotated, elsewhere in its folder; undefined if it is gone. */
  static find(path: string, identity: FileIdentity): LogFile | undefined {
    const folder = dirname(path);
    for (const candidate of [path, ...namesIn(folder).map((name) => join(folder, name))]) {
      const stat = lstatSync(candidate, { bigint: true, throwIfNoEntry: false });
      if (stat?.isFile() !== true || !sameFile(identityOf(stat), identity)) continue;
      const found = LogFile.#opened(candidate, openSync(candidate, OPEN_FLAGS));
      if (sameFile(found.identity, identity)) return found;
      found.close();
    }
    return undefined;
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  append(bytes: Buffer, length: number): void {
    for (let done = 0; done < length;) done += writeSync(this.#fd, bytes, done, length - done);
  }

  readFrom(offset: number, limit: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(Math.min(limit, Math.max(0, this.size() - offset)));
    let done = 0;
    for (;;) {
      const read = readSync(this.#fd, bytes, done, bytes.length - done, offset + done);
      done += read;
      if (read === 0 || done === bytes.length) return bytes.subarray(0, done);
    }
  }

  cut(size: number): void {
    ftruncateSync(this.#fd, size);
  }

  close(): void {
    closeSync(this.#fd);
  }

  static #opened(path: string, fd: number): LogFile {
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile()) {
      closeSync(fd);
      throw new PumpError('failed-precondition', `log ${path} is not a regular file; remove it or choose another path`);
    }
    return new LogFile(fd, identityOf(stat));
  }
}

export function sameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.device === b.device && a.inode === b.inode && a.bornNs === b.bornNs;
}

function identityOf(stat: BigIntStats): FileIdentity {
  return { device: stat.dev, inode: stat.ino, bornNs: stat.birthtimeNs };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // a folder that is gone has no old log either
  }
}
