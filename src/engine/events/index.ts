/** What happens to pods, containers and images. */
export { EventHub } from './event-hub.ts';
export type { EventHubOptions } from './event-hub.ts';
export type {
  EngineEvent,
  EventAction,
  EventContent,
  EventFilter,
  EventHistory,
  EventObject,
  PodEvent,
  PodSnapshot,
} from './event-types.ts';
export { containerEvents, sandboxEvents } from './record-events.ts';
