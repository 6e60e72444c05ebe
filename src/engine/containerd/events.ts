import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../errors.ts';
import type { Nanos } from '../types/index.ts';
import type { Clients } from './clients.ts';
import { eventTypes } from './generated/containerd.js';
import type { types } from './generated/containerd.js';
import { nanosOf } from './timestamp.ts';

/** An event of our namespace. Types that nobody here needs are `other`. */
export type ContainerdEvent =
  | { readonly type: 'task-exit'; readonly at: Nanos; readonly exit: TaskExitEvent }
  | { readonly type: 'task-oom'; readonly at: Nanos; readonly containerId: string }
  | { readonly type: 'other'; readonly at: Nanos; readonly topic: string };

export interface TaskExitEvent {
  readonly containerId: string;
  /** Id of the exec; undefined when the container's own process ended. */
  readonly execId: string | undefined;
  readonly pid: number;
  readonly exitCode: number;
  readonly exitedAt: Nanos;
}

interface Deps {
  readonly clients: Pick<Clients, 'events'>;
  readonly namespace: string;
}

/** How long to wait for one's own event to come back before sending it again, in ms. */
const ECHO_RETRY_MS = 50;
const NONCE_BYTES = 8;

/**
 * Subscribes to the task events of our namespace. Resolves when containerd has the subscription: whatever happens
 * after that comes. The iterator never ends in order: it throws `unavailable` when the connection ends (events may have
 * been missed: reconcile, then subscribe again), and `cancelled` once the signal is aborted.
 */
export async function subscribeEvents(
  deps: Deps,
  signal: AbortSignal,
): Promise<AsyncIterableIterator<ContainerdEvent>> {
  const echo = `/davit/subscribed/${randomBytes(NONCE_BYTES).toString('hex')}`;
  const ours = `namespace==${JSON.stringify(deps.namespace)}`;
  const filters = [`${ours},topic~="^/tasks/"`, `${ours},topic==${JSON.stringify(echo)}`];
  const stop = new AbortController();
  const envelopes = deps.clients.events.subscribe({ filters }, { signal: AbortSignal.any([signal, stop.signal]) });
  try {
    return follow(envelopes, await waitForEcho(deps, envelopes, echo, stop), echo);
  } catch (error) {
    stop.abort();
    throw error;
  }
}

/**
 * containerd does not say when a subscription is in place, so we publish an event of our own until it comes back.
 * Answers what came before it. `stop` ends the subscription, which happens when publishing fails.
 */
async function waitForEcho(
  deps: Deps,
  envelopes: AsyncIterator<types.Envelope>,
  echo: string,
  stop: AbortController,
): Promise<types.Envelope[]> {
  const early: types.Envelope[] = [];
  const seen = new AbortController();
  let failure: unknown;
  const publishing = publishUntil(deps, echo, AbortSignal.any([seen.signal, stop.signal])).catch((error: unknown) => {
    failure = error;
    stop.abort();
  });
  try {
    for (;;) {
      const envelope = await nextOf(envelopes);
      if (envelope.topic === echo) return early;
      early.push(envelope);
    }
  } catch (error) {
    throw failure ?? error;
  } finally {
    seen.abort();
    await publishing;
  }
}

async function publishUntil({ clients }: Deps, topic: string, signal: AbortSignal): Promise<void> {
  const event = { typeUrl: 'davit.Subscribed', value: new Uint8Array() };
  try {
    while (!signal.aborted) {
      await clients.events.publish({ topic, event }, { signal });
      await delay(ECHO_RETRY_MS, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function follow(
  envelopes: AsyncIterableIterator<types.Envelope>,
  early: types.Envelope[],
  echo: string,
): AsyncIterableIterator<ContainerdEvent> {
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      for (;;) {
        const envelope = early.shift() ?? (await nextOf(envelopes));
        if (envelope.topic !== echo) return { done: false, value: decodeEvent(envelope) };
      }
    },
    async return() {
      await envelopes.return?.();
      return { done: true, value: undefined };
    },
  };
}

async function nextOf(envelopes: AsyncIterator<types.Envelope>): Promise<types.Envelope> {
  const next = await envelopes.next();
  if (next.done === true) throw new EngineError('unavailable', 'containerd ended the event stream');
  return next.value;
}

function decodeEvent(envelope: types.Envelope): ContainerdEvent {
  const at = nanosOf(envelope.timestamp);
  const bytes = envelope.event?.value ?? new Uint8Array();
  switch (envelope.topic) {
    case '/tasks/exit': {
      const exit = eventTypes.TaskExit.decode(bytes);
      const execId = exit.id === '' || exit.id === exit.containerId ? undefined : exit.id;
      const { containerId, pid, exitStatus } = exit;
      const exitedAt = nanosOf(exit.exitedAt);
      return { type: 'task-exit', at, exit: { containerId, execId, pid, exitCode: exitStatus, exitedAt } };
    }
    case '/tasks/oom':
      return { type: 'task-oom', at, containerId: eventTypes.TaskOOM.decode(bytes).containerId };
    default:
      return { type: 'other', at, topic: envelope.topic };
  }
}
