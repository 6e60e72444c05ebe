import type { Instant } from '../sys/realtime.ts';
import { Stamp, STAMP_LENGTH } from './stamp.ts';

export type StreamName = 'stdout' | 'stderr';

/** Takes formatted bytes, the first `length` of `bytes`, which are reused after it returns. */
export type Sink = (bytes: Buffer, length: number) => void;

export interface FormatOptions {
  readonly stream: StreamName;
  /** Bytes of a log line's content at most. */
  readonly maxLine: number;
  /** No more will come: an unfinished line is written, too. */
  readonly final: boolean;
}

export interface Formatted {
  /** Bytes of the input that are in the log now; the rest is an unfinished line of at most `maxLine` bytes. */
  readonly consumed: number;
  readonly lines: number;
}

/** Ends a log line that ended in the stream, too. */
export const TAG_FULL = 'F';
/** The stream's line goes on in the next log line, or the stream ended without a newline. */
export const TAG_PARTIAL = 'P';

/** `<time> stdout F `: every stream's name is as long as another's. */
export const HEADER_LENGTH = STAMP_LENGTH + ' stdout F '.length;

const TAG_AT = HEADER_LENGTH - 2;
const NEWLINE = 10;
const BYTE_FULL = TAG_FULL.charCodeAt(0);
const BYTE_PARTIAL = TAG_PARTIAL.charCodeAt(0);
const OUTPUT_BYTES = 256 * 1024;
/** Below this a loop over bytes is faster than a call that copies or searches. */
const SHORT = 64;

/**
 * Turns a stream's bytes into lines of the CRI log format, `<time> <stream> <F|P> <content>`. The content of the lines,
 * with a newline after each full one, is the stream byte by byte. One formatter serves all streams in turn.
 */
export class LineFormatter {
  readonly #header = Buffer.alloc(HEADER_LENGTH);
  readonly #stamp: Stamp;
  #output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  #used = 0;

  constructor(now: () => Instant) {
    this.#stamp = new Stamp(this.#header, now);
  }

  /** Formats the first `length` bytes of `input`. When `sink` throws, nothing is known of what it had taken before. */
  format(input: Buffer, length: number, options: FormatOptions, sink: Sink): Formatted {
    const { maxLine, final } = options;
    this.#begin(options);
    let at = 0;
    let lines = 0;
    while (at < length) {
      const newline = findNewline(input, at, length);
      const size = (newline < 0 ? length : newline) - at;
      if (size > maxLine) {
        this.#line(input, at, maxLine, BYTE_PARTIAL, sink);
        at += maxLine;
      } else if (newline >= 0) {
        this.#line(input, at, size, BYTE_FULL, sink);
        at = newline + 1;
      } else if (final) {
        this.#line(input, at, size, BYTE_PARTIAL, sink);
        at = length;
      } else {
        break;
      }
      lines++;
    }
    this.#flush(sink);
    return { consumed: at, lines };
  }

  #begin({ stream, maxLine }: FormatOptions): void {
    const needed = HEADER_LENGTH + maxLine + 1;
    if (this.#output.length < needed) this.#output = Buffer.allocUnsafeSlow(needed);
    this.#used = 0;
    this.#header.write(` ${stream} ${TAG_FULL} `, STAMP_LENGTH, 'latin1');
    this.#stamp.refresh();
  }

  #line(input: Buffer, from: number, size: number, tag: number, sink: Sink): void {
    if (this.#used + HEADER_LENGTH + size + 1 > this.#output.length) this.#flush(sink);
    const output = this.#output;
    const header = this.#header;
    header[TAG_AT] = tag;
    let used = this.#used;
    for (let i = 0; i < HEADER_LENGTH; i++) output[used++] = header[i] ?? 0;
    if (size < SHORT) {
      for (let i = from; i < from + size; i++) output[used++] = input[i] ?? 0;
    } else {
      input.copy(output, used, from, from + size);
      used += size;
    }
    output[used++] = NEWLINE;
    this.#used = used;
    this.#stamp.step();
  }

  #flush(sink: Sink): void {
    const used = this.#used;
    this.#used = 0;
    if (used > 0) sink(this.#output, used);
  }
}

/** Where the next newline in [from, end) is, or -1. */
function findNewline(input: Buffer, from: number, end: number): number {
  const near = Math.min(end, from + SHORT);
  for (let i = from; i < near; i++) if (input[i] === NEWLINE) return i;
  if (near === end) return -1;
  const found = input.indexOf(NEWLINE, near);
  return found < end ? found : -1;
}
