import { WorkQueue } from '../work-queue.ts';
import type { WorkLimits } from '../work-queue.ts';

/** One download's place among the node's. It has none until it takes it. */
export interface DownloadPlace extends Disposable {
  /** Waits in order until there is one; at once where it has its place. */
  take(signal: AbortSignal): Promise<void>;
  /**
   * Waits for bytes. A download that gets none for STALL_MS does not work: its place is lent to the next, and once there
   * are bytes it waits for one again before this resolves.
   */
  waiting<T>(signal: AbortSignal, bytes: () => Promise<T>): Promise<T>;
}

/** Slow registries bring something at least every few seconds. */
const STALL_MS = 5_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Bounds how many downloads of the node work at once; those that only wait for their registry keep nobody else waiting. */
export class DownloadPlaces {
  readonly #queue: WorkQueue;
  readonly #stallMs: number;

  constructor(places: number, stallMs = STALL_MS) {
    this.#queue = new WorkQueue(limitsOf(places));
    this.#stallMs = stallMs;
  }

  /** From now on; downloads that have begun go on. */
  setCount(places: number): void {
    this.#queue.setLimits(limitsOf(places));
  }

  forOne(): DownloadPlace {
    return new Place(this.#queue, this.#stallMs);
  }
}

/** What takes its time takes it: a place is lent for want of bytes alone. */
function limitsOf(places: number): WorkLimits {
  return { concurrentWork: places, workPatienceMs: LONGEST_TIMER_MS };
}

class Place implements DownloadPlace {
  readonly #queue: WorkQueue;
  readonly #stallMs: number;
  #giveBack: (() => void) | undefined;

  constructor(queue: WorkQueue, stallMs: number) {
    this.#queue = queue;
    this.#stallMs = stallMs;
  }

  async take(signal: AbortSignal): Promise<void> {
    if (this.#giveBack !== undefined) return;
    const taken = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    const hold = async (): Promise<void> => {
      taken.resolve();
      await over.promise;
    };
    this.#queue.run(signal, hold).catch(taken.reject);
    await taken.promise;
    this.#giveBack = over.resolve;
  }

  async waiting<T>(signal: AbortSignal, bytes: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => this[Symbol.dispose](), this.#stallMs);
    const got = await bytes().finally(() => clearTimeout(timer));
    await this.take(signal);
    return got;
  }

  [Symbol.dispose](): void {
    this.#giveBack?.();
    this.#giveBack = undefined;
  }
}
