import type { Engine, EngineEvent, EventFilter } from '../engine/index.ts';
import type { EventsRequest, IEvent, IEventsReply } from './generated/admin.js';
import { toLong, toNanos } from './numbers.ts';

export type EventVerbs = Pick<Engine, 'events' | 'followEvents'>;

/** Events of the history that one message carries. */
const BATCH = 500;

/** The history, then, if asked for, what happens next: nothing twice, nothing left out. */
export async function* eventsReplies(
  engine: EventVerbs,
  request: EventsRequest,
  signal: AbortSignal,
): AsyncIterable<IEventsReply> {
  const filter = toFilter(request);
  const followed = new AbortController();
  const until = request.follow ? deadline(filter, followed) : undefined;
  try {
    // In one turn, so that nothing lies between them.
    const { completeSince, events } = engine.events(filter);
    const following = request.follow
      ? engine.followEvents(filter, AbortSignal.any([signal, followed.signal]))
      : undefined;
    yield { completeSince: toLong(completeSince), events: events.slice(0, BATCH).map(fromEvent) };
    for (let at = BATCH; at < events.length; at += BATCH) {
      yield { events: events.slice(at, at + BATCH).map(fromEvent) };
    }
    if (following === undefined) return;
    for await (const event of following) yield { events: [fromEvent(event)] };
  } catch (error) {
    if (!followed.signal.aborted || signal.aborted) throw error;
  } finally {
    clearTimeout(until);
  }
}

/** A timer's longest time. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Ends following once the time asked for has come. */
function deadline({ until }: EventFilter, ended: AbortController): NodeJS.Timeout | undefined {
  if (until === undefined) return undefined;
  const ms = Math.max(0, Number(until / 1_000_000n) - Date.now());
  return ms > MAX_TIMER_MS ? undefined : setTimeout(() => ended.abort(), ms);
}

function toFilter(request: EventsRequest): EventFilter {
  const since = toNanos(request.since);
  const until = toNanos(request.until);
  const { objects, actions, id, podNamespace, podName, containerName, labels } = request;
  return {
    objects,
    actions,
    labels,
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(id === '' ? {} : { id }),
    ...(podNamespace === '' ? {} : { podNamespace }),
    ...(podName === '' ? {} : { podName }),
    ...(containerName === '' ? {} : { containerName }),
  };
}

function fromEvent(event: EngineEvent): IEvent {
  const { sequence, time, object, action, id, pod, attributes, labels } = event;
  return {
    sequence: toLong(sequence),
    time: toLong(time),
    object,
    action,
    id,
    sandboxId: event.sandboxId ?? '',
    podNamespace: pod?.namespace ?? '',
    podName: pod?.name ?? '',
    podUid: pod?.uid ?? '',
    containerName: event.containerName ?? '',
    attempt: event.attempt ?? 0,
    attributes,
    labels,
  };
}
