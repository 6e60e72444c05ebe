import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Position, Positions } from './recovery.ts';

/** Tells one file from another, a renamed one from its successor, and a new file from a removed one with its number. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
  readonly bornNs: bigint;
}

/** How far a container's streams had come at one moment. */
export interface Progress {
  /** Absent: there is no log, or it was never opened. */
  readonly log?: { readonly identity: FileIdentity; readonly size: number };
  readonly positions: Positions;
}

export interface ProgressStore {
  /** The last one saved; undefined if there is none that can be read. */
  load(): Progress | undefined;
  save(progress: Progress): void;
}

const PROGRESS_MODE = 0o600;
const FORMAT = 1;
/** Two slots take turns, so that a write that is cut short leaves the other one; both are in one page. */
const SLOT_BYTES = 128;
const CRC_BYTES = 4;
const FLAG_LOG = 1;
const FLAG_STDOUT = 2;
const FLAG_STDERR = 4;
const STREAMS = [
  { name: 'stdout', flag: FLAG_STDOUT, at: 48 },
  { name: 'stderr', flag: FLAG_STDERR, at: 72 },
] as const;

/** Progress in a file of two slots; a save is one small write. */
export class ProgressFile implements ProgressStore {
  readonly #fd: number;
  readonly #slot = Buffer.alloc(SLOT_BYTES);
  #sequence = 0;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Opens the file, made if it is missing. */
  static open(path: string): ProgressFile {
    return new ProgressFile(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, PROGRESS_MODE));
  }

  load(): Progress | undefined {
    const slots = Buffer.alloc(2 * SLOT_BYTES);
    const length = readSync(this.#fd, slots, 0, slots.length, 0);
    const found = [0, SLOT_BYTES]
      .filter((at) => at + SLOT_BYTES <= length)
      .map((at) => decodeProgress(slots.subarray(at, at + SLOT_BYTES)))
      .filter((slot) => slot !== undefined)
      .sort((a, b) => b.sequence - a.sequence)[0];
    if (found === undefined) return undefined;
    this.#sequence = found.sequence;
    return found.progress;
  }

  save(progress: Progress): void {
    this.#sequence++;
    encodeProgress(this.#slot, this.#sequence, progress);
    writeSync(this.#fd, this.#slot, 0, SLOT_BYTES, (this.#sequence % 2) * SLOT_BYTES);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Layout: crc, format and flags, sequence, log's identity and size, then offset, bytes and lines of each stream. */
export function encodeProgress(slot: Buffer, sequence: number, { log, positions }: Progress): void {
  slot.fill(0);
  let flags = 0;
  if (log !== undefined) {
    flags |= FLAG_LOG;
    slot.writeBigUInt64LE(log.identity.device, 16);
    slot.writeBigUInt64LE(log.identity.inode, 24);
    slot.writeBigInt64LE(log.identity.bornNs, 32);
    slot.writeDoubleLE(log.size, 40);
  }
  for (const { name, flag, at } of STREAMS) {
    const position = positions[name];
    if (position === undefined) continue;
    flags |= flag;
    slot.writeDoubleLE(position.offset, at);
    slot.writeDoubleLE(position.bytes, at + 8);
    slot.writeDoubleLE(position.lines, at + 16);
  }
  slot.writeUInt16LE(FORMAT, 4);
  slot.writeUInt16LE(flags, 6);
  slot.writeDoubleLE(sequence, 8);
  slot.writeUInt32LE(crc32(slot.subarray(CRC_BYTES)), 0);
}

/** Undefined for a slot that is damaged or was never written. */
export function decodeProgress(slot: Buffer): { sequence: number; progress: Progress } | undefined {
  if (slot.readUInt16LE(4) !== FORMAT || slot.readUInt32LE(0) !== crc32(slot.subarray(CRC_BYTES))) return undefined;
  const flags = slot.readUInt16LE(6);
  const positions: Partial<Record<'stdout' | 'stderr', Position>> = {};
  for (const { name, flag, at } of STREAMS) {
    if ((flags & flag) === 0) continue;
    positions[name] = {
      offset: slot.readDoubleLE(at),
      bytes: slot.readDoubleLE(at + 8),
      lines: slot.readDoubleLE(at + 16),
    };
  }
  const log = {
    identity: {
      device: slot.readBigUInt64LE(16),
      inode: slot.readBigUInt64LE(24),
      bornNs: slot.readBigInt64LE(32),
    },
    size: slot.readDoubleLE(40),
  };
  return {
    sequence: slot.readDoubleLE(8),
    progress: { positions, ...((flags & FLAG_LOG) === 0 ? {} : { log }) },
  };
}
