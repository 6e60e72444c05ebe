/** One entry of a container's log: a line of output, or a piece of a long one. */
export interface LogEntry {
  /** RFC 3339 with nanoseconds, as the file has it. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** More of the same line follows in the next entry of this stream. */
  readonly partial: boolean;
  /** The output itself, without the entry's newline: bytes, for it need not be text. */
  readonly content: Buffer;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;

/**
 * Parses one line of a CRI log: `TIME STREAM TAGS CONTENT`, where TAGS are separated by colons and the first of them is P
 * for a partial entry or F for a full one. Undefined when it is none.
 */
export function parseLogLine(line: Buffer): LogEntry | undefined {
  const first = line.indexOf(SPACE);
  const second = first < 0 ? -1 : line.indexOf(SPACE, first + 1);
  const third = second < 0 ? -1 : line.indexOf(SPACE, second + 1);
  if (third < 0) return undefined;
  const time = line.toString('utf8', 0, first);
  const stream = line.toString('utf8', first + 1, second);
  const [tag] = line.toString('utf8', second + 1, third).split(':');
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  if ((tag !== 'P' && tag !== 'F') || !/^\d{4}-\d\d-\d\dT/.test(time)) return undefined;
  return { time, stream, partial: tag === 'P', content: line.subarray(third + 1) };
}

/** Puts chunks of a file together to lines; what has no newline yet waits for the next chunk. */
export class LineSplitter {
  #rest = Buffer.alloc(0);

  push(chunk: Buffer): readonly Buffer[] {
    const lines: Buffer[] = [];
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE)) {
      lines.push(bytes.subarray(0, end));
      bytes = bytes.subarray(end + 1);
    }
    // A copy: the caller reads the next chunk into the same memory.
    this.#rest = Buffer.from(bytes);
    return lines;
  }
}
