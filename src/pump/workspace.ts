import { realtime } from '../sys/realtime.ts';
import { LineFormatter } from './line-formatter.ts';

/** Bytes that one splice takes from a FIFO at most. */
export const CHUNK_BYTES = 64 * 1024;

/** The buffers that all transcripts work in, one at a time. */
export class Workspace {
  readonly formatter = new LineFormatter(realtime);
  #input = Buffer.allocUnsafeSlow(2 * CHUNK_BYTES);

  /** A buffer that holds a chunk after the longest unfinished line. */
  input(maxLine: number): Buffer {
    const needed = CHUNK_BYTES + maxLine + 1;
    if (this.#input.length < needed) this.#input = Buffer.allocUnsafeSlow(needed);
    return this.#input;
  }
}
