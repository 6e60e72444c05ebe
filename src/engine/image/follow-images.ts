import { setTimeout as sleep } from 'node:timers/promises';
import type { Clients } from '../containerd/clients.ts';
import { EngineError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';

export interface FollowImagesDeps {
  readonly clients: Pick<Clients, 'events'>;
  readonly namespace: string;
  readonly logger: Logger;
  /** Takes over what containerd has now. */
  readonly resync: (signal: AbortSignal) => Promise<void>;
}

/** Several changes that follow each other are taken over at once. */
const GATHER_MS = 100;
/** Events can be lost while containerd is away, or before it has the subscription: the table is compared anyway. */
const COMPARE_INTERVAL_MS = 60_000;
const RESUBSCRIBE_MS = 1_000;

/** Keeps the table in step with what other clients of containerd do, until the signal aborts. Never rejects. */
export async function followImages(deps: FollowImagesDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await followOnce(deps, signal);
    } catch (error) {
      if (signal.aborted) return;
      deps.logger.debug({ error: messageOf(error) }, 'image events ended; subscribing again');
      await sleep(RESUBSCRIBE_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop ends
    }
  }
}

/** Ends only by throwing. */
async function followOnce(deps: FollowImagesDeps, signal: AbortSignal): Promise<never> {
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const filters = [`namespace==${deps.namespace},topic~="^/images/"`];
  const events = deps.clients.events.subscribe({ filters }, { signal: ended });
  let changed = Promise.withResolvers<void>();
  const reading = (async (): Promise<never> => {
    while ((await events.next()).done !== true) changed.resolve();
    throw new EngineError('unavailable', 'containerd ended the subscription');
  })();
  reading.catch(() => undefined); // raced below
  const timer = setInterval(() => changed.resolve(), COMPARE_INTERVAL_MS).unref();
  try {
    for (;;) {
      // Before the look: what changes while it is taken is looked at once more.
      changed = Promise.withResolvers<void>();
      await deps.resync(ended);
      await Promise.race([changed.promise, reading]);
      await sleep(GATHER_MS, undefined, { signal: ended });
    }
  } finally {
    clearInterval(timer);
    stop.abort();
  }
}
