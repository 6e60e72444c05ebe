import type { EventAction, PodEvent } from '../../engine/index.ts';
import { ContainerEventType } from '../generated/cri.js';
import type { IContainerEventResponse } from '../generated/cri.js';
import { fromContainerStatus } from './container-status.ts';
import { toLong } from './numbers.ts';
import { fromSandboxStatus } from './sandbox-status.ts';

/** Undefined for what the interface has no event for. A sandbox's own events have its id as the container's. */
export function fromPodEvent({ event, pod }: PodEvent): IContainerEventResponse | undefined {
  const type = TYPES.get(event.action);
  if (type === undefined) return undefined;
  return {
    containerId: event.id,
    containerEventType: type,
    createdAt: toLong(event.time),
    podSandboxStatus: fromSandboxStatus(pod.sandbox),
    containersStatuses: pod.containers.map(fromContainerStatus),
  };
}

const TYPES: ReadonlyMap<EventAction, ContainerEventType> = new Map([
  ['created', ContainerEventType.CONTAINER_CREATED_EVENT],
  ['started', ContainerEventType.CONTAINER_STARTED_EVENT],
  ['stopped', ContainerEventType.CONTAINER_STOPPED_EVENT],
  ['deleted', ContainerEventType.CONTAINER_DELETED_EVENT],
]);
