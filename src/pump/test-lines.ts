import { HEADER_LENGTH } from './line-formatter.ts';
import { STAMP_LENGTH } from './stamp.ts';

const NEWLINE = 10;
const LETTERS = 'abcdefghijkl\r';

/** Whole numbers below `limit`, the same ones for the same seed. */
export type Random = (limit: number) => number;

/** A small generator, so that a failure can be run again (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** Letters, with a newline about every `lineLength` bytes. */
export function randomBytes(random: Random, length: number, lineLength: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) {
    bytes[i] = random(lineLength) === 0 ? NEWLINE : LETTERS.charCodeAt(random(LETTERS.length));
  }
  return bytes;
}

/** What one stream wrote, put together again from a log. Throws at a line that is not of the format. */
export function contentOf(log: Buffer, stream: 'stdout' | 'stderr'): Buffer {
  const parts: Buffer[] = [];
  for (let start = 0; start < log.length;) {
    const end = log.indexOf(NEWLINE, start);
    const header = log.toString('latin1', start, start + HEADER_LENGTH);
    if (end < 0 || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) [FP] $/.test(header)) {
      throw new Error(`not a log line: ${JSON.stringify(log.toString('latin1', start, start + 100))}`);
    }
    if (header.startsWith(stream, STAMP_LENGTH + 1)) {
      const full = header[HEADER_LENGTH - 2] === 'F';
      parts.push(log.subarray(start + HEADER_LENGTH, full ? end + 1 : end));
    }
    start = end + 1;
  }
  return Buffer.concat(parts);
}
