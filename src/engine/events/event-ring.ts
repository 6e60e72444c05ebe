import type { Nanos } from '../types/index.ts';
import type { EngineEvent } from './event-types.ts';

/** The last events, as many as it has room for. */
export class EventRing {
  readonly #slots: EngineEvent[] = [];
  readonly #size: number;
  #next = 0;
  #completeSince: Nanos;

  /** `since` when nothing had happened yet. */
  constructor(size: number, since: Nanos) {
    this.#size = size;
    this.#completeSince = since;
  }

  /** Nothing that happened since is missing. */
  get completeSince(): Nanos {
    return this.#completeSince;
  }

  add(event: EngineEvent): void {
    const lost = this.#slots[this.#next];
    if (lost !== undefined) this.#completeSince = lost.time + 1n;
    this.#slots[this.#next] = event;
    this.#next = (this.#next + 1) % this.#size;
  }

  /** The oldest first. */
  list(): readonly EngineEvent[] {
    if (this.#slots.length < this.#size) return [...this.#slots];
    return [...this.#slots.slice(this.#next), ...this.#slots.slice(0, this.#next)];
  }
}
