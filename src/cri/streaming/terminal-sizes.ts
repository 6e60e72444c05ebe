import type { Readable } from 'node:stream';
import { terminalSizes } from './resize.ts';
import type { TerminalSize } from './resize.ts';

/** The sizes that a client tells of its terminal. Only the latest counts: what was not asked for in time is skipped. */
export class TerminalSizes {
  #latest: TerminalSize | undefined;
  #hasEnded = false;
  #wake = Promise.withResolvers<void>();

  /** Reads the stream to its end. Without one there are no sizes. */
  static of(stream: Readable | undefined): TerminalSizes {
    const sizes = new TerminalSizes();
    // A stream that breaks is one that ends: the client has gone, and that is told elsewhere.
    const end = (): void => sizes.#end();
    if (stream === undefined) end();
    else sizes.#read(stream).then(end, end);
    return sizes;
  }

  /** The size so far, or the first that comes within so long; undefined when none does. */
  async first(waitMs: number): Promise<TerminalSize | undefined> {
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), waitMs);
    while (this.#latest === undefined && !this.#hasEnded) {
      const isLate = await Promise.race([this.#wake.promise.then(() => false), late.then(() => true)]);
      if (isLate) break;
    }
    clearTimeout(timer);
    return this.#take();
  }

  /**
   * Calls `resize` for the latest size and for those that follow, one at a time, so that the last one stays; returns at
   * the end of the stream. Throws what `resize` throws.
   */
  async follow(resize: (size: TerminalSize) => Promise<void>): Promise<void> {
    for (;;) {
      const size = this.#take();
      if (size !== undefined) await resize(size);
      else if (this.#hasEnded) return;
      else await this.#wake.promise;
    }
  }

  async #read(stream: Readable): Promise<void> {
    for await (const size of terminalSizes(stream)) {
      this.#latest = size;
      this.#rouse();
    }
  }

  #take(): TerminalSize | undefined {
    const size = this.#latest;
    this.#latest = undefined;
    return size;
  }

  #end(): void {
    this.#hasEnded = true;
    this.#rouse();
  }

  #rouse(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}
