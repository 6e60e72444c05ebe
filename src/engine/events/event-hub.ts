import { Clock } from '../clock.ts';
import type { Nanos } from '../types/index.ts';
import { BoundedQueue } from './bounded-queue.ts';
import { EventRing } from './event-ring.ts';
import type { EngineEvent, EventContent, EventFilter, EventHistory, PodEvent, PodSnapshot } from './event-types.ts';
import { matches } from './matches.ts';

export interface EventHubOptions {
  /** How many events are kept. */
  readonly kept?: number;
  /** How many may wait for one follower. */
  readonly pending?: number;
}

type Follower = (event: EngineEvent, pod: PodSnapshot | undefined) => void;

const KEPT = 10_000;
/** A kubelet that stands still for a second on a node that starts all of its pods does not lose its stream. */
const PENDING = 4_096;

/** What happened on this node since davitd runs: kept for a while, and told to followers as it happens. */
export class EventHub {
  readonly #clock = new Clock();
  readonly #ring: EventRing;
  readonly #pending: number;
  readonly #followers = new Set<Follower>();
  #sequence = 0;

  constructor({ kept = KEPT, pending = PENDING }: EventHubOptions = {}) {
    this.#ring = new EventRing(kept, this.#clock.next());
    this.#pending = pending;
  }

  /** A time after all events so far and before all that come: for answers that are compared with events. */
  now(): Nanos {
    return this.#clock.next();
  }

  /** `pod` is how the pod is now, for those who want to know. */
  publish(content: EventContent, pod?: PodSnapshot): void {
    this.#sequence += 1;
    const event: EngineEvent = Object.freeze({ sequence: this.#sequence, time: this.#clock.next(), ...content });
    this.#ring.add(event);
    for (const follower of this.#followers) follower(event, pod);
  }

  /** What is kept and fits. */
  history(filter: EventFilter): EventHistory {
    const { completeSince } = this.#ring;
    return { completeSince, events: this.#ring.list().filter((event) => matches(event, filter)) };
  }

  /** What happens from now on and fits: asked for in the same turn as the history, nothing lies between them. */
  follow(filter: EventFilter, signal: AbortSignal): AsyncIterable<EngineEvent> {
    return this.#follow(signal, (event) => (matches(event, filter) ? event : undefined));
  }

  /** What happens to sandboxes and containers from now on. */
  podEvents(signal: AbortSignal): AsyncIterable<PodEvent> {
    return this.#follow<PodEvent>(signal, (event, pod) => (pod === undefined ? undefined : { event, pod }));
  }

  #follow<T extends object>(
    signal: AbortSignal,
    choose: (event: EngineEvent, pod: PodSnapshot | undefined) => T | undefined,
  ): AsyncIterable<T> {
    const queue = new BoundedQueue<T>(this.#pending, 'events');
    const follower: Follower = (event, pod) => {
      const item = choose(event, pod);
      if (item !== undefined) queue.push(item);
      if (queue.hasEnded) this.#followers.delete(follower);
    };
    this.#followers.add(follower);
    const leave = (): void => {
      this.#followers.delete(follower);
      queue.end(signal.reason);
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    return queue;
  }
}
