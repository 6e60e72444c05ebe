export type StreamName = 'stdout' | 'stderr';

/**
 * Keeps the beginning of two outputs, together no more than a number of bytes; the rest is counted and dropped. Each may
 * have at least half of the room, and whatever of the other half the other does not need: where both are too long, the
 * longer one gives up its end.
 */
export class CappedOutput {
  readonly #maxBytes: number;
  readonly #kept: Readonly<Record<StreamName, Kept>> = { stdout: new Kept(), stderr: new Kept() };
  #received = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that came, kept or not. */
  get received(): number {
    return this.#received;
  }

  /** Copies what it keeps of the chunk. */
  add(name: StreamName, chunk: Buffer): void {
    this.#received += chunk.length;
    const own = this.#kept[name];
    if (own.isCut) return;
    const other = this.#kept[name === 'stdout' ? 'stderr' : 'stdout'];
    const share = Math.floor(this.#maxBytes / 2);
    const room = Math.max(share, this.#maxBytes - other.length) - own.length;
    own.append(chunk.subarray(0, room));
    if (chunk.length > room) own.cut(own.length);
    if (own.length + other.length > this.#maxBytes) other.cut(this.#maxBytes - own.length);
  }

  /** Gives up what it kept. */
  take(name: StreamName): Buffer {
    return this.#kept[name].take();
  }
}

const FIRST_SEGMENT_BYTES = 4 * 1024;
const LARGEST_SEGMENT_BYTES = 512 * 1024;

interface Segment {
  readonly bytes: Buffer<ArrayBuffer>;
  used: number;
}

/** The beginning of one output, in segments that grow with it. */
class Kept {
  readonly #segments: Segment[] = [];
  #length = 0;
  #isCut = false;

  get length(): number {
    return this.#length;
  }

  /** Its end is gone: nothing may follow. */
  get isCut(): boolean {
    return this.#isCut;
  }

  append(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const segment = this.#writable();
      const copied = chunk.copy(segment.bytes, segment.used, at);
      segment.used += copied;
      this.#length += copied;
      at += copied;
    }
  }

  /** Keeps no more than `length` bytes, now and later. */
  cut(length: number): void {
    this.#isCut = true;
    for (let last = this.#segments.at(-1); last !== undefined && this.#length > length; last = this.#segments.at(-1)) {
      const excess = Math.min(last.used, this.#length - length);
      last.used -= excess;
      this.#length -= excess;
      if (last.used === 0) {
        this.#segments.pop();
        free(last);
      }
    }
  }

  take(): Buffer {
    const whole = Buffer.allocUnsafeSlow(this.#length);
    let at = 0;
    for (const segment of this.#segments.splice(0)) {
      at += segment.bytes.copy(whole, at, 0, segment.used);
      free(segment);
    }
    this.#length = 0;
    return whole;
  }

  #writable(): Segment {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.used < last.bytes.length) return last;
    const size = last === undefined ? FIRST_SEGMENT_BYTES : Math.min(2 * last.bytes.length, LARGEST_SEGMENT_BYTES);
    const segment = { bytes: Buffer.allocUnsafeSlow(size), used: 0 };
    this.#segments.push(segment);
    return segment;
  }
}

/** Gives the memory back now, not when the collector comes by. */
function free({ bytes }: Segment): void {
  bytes.buffer.transfer(0);
}
