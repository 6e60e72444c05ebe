/** What a queued piece of input costs besides its bytes: a client may send them one by one. */
const COST_OF_PIECE = 256;
/** A piece that keeps a buffer this many times its size alive is copied out of it. */
const WASTE = 2;

/** What one connection may hold for readers that lag behind. Once it is full the connection is to be read no more. */
export class InputBudget {
  readonly #limitBytes: number;
  readonly #onChange: (isFull: boolean) => void;
  #used = 0;
  #isFull = false;

  /** `onChange` is told when the limit is reached, and when half of it is free again. */
  constructor(limitBytes: number, onChange: (isFull: boolean) => void) {
    this.#limitBytes = limitBytes;
    this.#onChange = onChange;
  }

  take(bytes: number): void {
    this.#used += bytes;
    if (this.#isFull || this.#used < this.#limitBytes) return;
    this.#isFull = true;
    this.#onChange(true);
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
    if (!this.#isFull || this.#used > this.#limitBytes / 2) return;
    this.#isFull = false;
    this.#onChange(false);
  }
}

/**
 * Input on its way to one Readable, counted in its connection's budget until it is handed over. The Readable has a high
 * water mark of one byte, so that what waits, waits here.
 */
export class Inflow {
  readonly #budget: InputBudget;
  readonly #push: (chunk: Buffer | null) => boolean;
  #queue: Buffer[] = [];
  #isWanted = false;
  #hasEnded = false;
  #hasToldEnd = false;
  #isDropped = false;

  /** `push` is the Readable's. */
  constructor(budget: InputBudget, push: (chunk: Buffer | null) => boolean) {
    this.#budget = budget;
    this.#push = push;
  }

  offer(chunk: Buffer): void {
    if (this.#isDropped || this.#hasEnded || chunk.length === 0) return;
    if (this.#isWanted && this.#queue.length === 0) return this.#hand(chunk);
    this.#budget.take(costOf(chunk));
    this.#queue.push(chunk.length * WASTE < chunk.buffer.byteLength ? copyOf(chunk) : chunk);
  }

  /** The reader sees the end after all that was offered. */
  end(): void {
    if (this.#isDropped || this.#hasEnded) return;
    this.#hasEnded = true;
    this.#tellEnd();
  }

  /** The Readable's _read(). */
  want(): void {
    this.#isWanted = true;
    while (this.#isWanted) {
      const chunk = this.#queue.shift();
      if (chunk === undefined) return;
      this.#hand(chunk);
      this.#budget.giveBack(costOf(chunk));
      this.#tellEnd();
    }
  }

  /** Forgets what waits, and all that may still come. */
  drop(): void {
    this.#isDropped = true;
    const waiting = this.#queue;
    this.#queue = [];
    for (const chunk of waiting) this.#budget.giveBack(costOf(chunk));
  }

  #tellEnd(): void {
    if (!this.#hasEnded || this.#hasToldEnd || this.#isDropped || this.#queue.length > 0) return;
    this.#hasToldEnd = true;
    this.#push(null);
  }

  #hand(chunk: Buffer): void {
    this.#isWanted = false;
    if (this.#push(chunk)) this.#isWanted = true;
  }
}

/** In memory of its own, not in the pool that Buffer.from() would share with whatever else. */
function copyOf(chunk: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(chunk.length);
  chunk.copy(copy);
  return copy;
}

function costOf(chunk: Buffer): number {
  return chunk.length + COST_OF_PIECE;
}
