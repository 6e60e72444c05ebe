import type { EngineEvent, EventFilter } from './event-types.ts';

/** Whether the event fits all parts of the filter. */
export function matches(event: EngineEvent, filter: EventFilter): boolean {
  const { since, until, objects, actions, podNamespace, podName, containerName } = filter;
  return (
    (since === undefined || event.time >= since) &&
    (until === undefined || event.time < until) &&
    isAmong(objects, event.object) &&
    isAmong(actions, event.action) &&
    (podNamespace === undefined || event.pod?.namespace === podNamespace) &&
    (podName === undefined || event.pod?.name === podName) &&
    (containerName === undefined || event.containerName === containerName) &&
    hasId(event, filter.id) &&
    Object.entries(filter.labels ?? {}).every(([key, value]) => event.labels[key] === value)
  );
}

function isAmong(wanted: readonly string[] | undefined, value: string): boolean {
  return wanted === undefined || wanted.length === 0 || wanted.includes(value);
}

function hasId(event: EngineEvent, id: string | undefined): boolean {
  if (id === undefined) return true;
  return event.id.startsWith(id) || event.sandboxId?.startsWith(id) === true || event.attributes['reference'] === id;
}
