const NEWLINE = 10;

/** Cuts what comes over a connection into lines, one message each. */
export class MessageLines {
  readonly #limit: number;
  #parts: Buffer[] = [];
  #length = 0;

  /** `limit` is the longest line's length in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The lines that `chunk` completes; throws when one is too long. */
  push(chunk: Buffer): readonly string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      lines.push(Buffer.concat(this.#parts).toString('utf8'));
      this.#parts = [];
      this.#length = 0;
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  #keep(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > this.#limit) throw new Error(`a message is longer than ${this.#limit} bytes`);
    if (part.length > 0) this.#parts.push(part);
  }
}
