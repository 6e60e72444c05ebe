import type { Container } from '../../engine/index.ts';
import { ContainerState } from '../generated/cri.js';
import type { IContainer, IContainerStatus, IImageSpec } from '../generated/cri.js';
import { fromMount } from './mounts.ts';
import { toLong } from './numbers.ts';
import { fromLinuxResources } from './resources.ts';
import { fromStopSignal } from './signals.ts';
import { fromWindowsResources } from './windows.ts';

/** A container as lists show it. */
export function fromContainer(container: Container): IContainer {
  const { spec } = container;
  return {
    id: container.id,
    podSandboxId: container.sandboxId,
    metadata: spec.metadata,
    image: fromImageRequest(container),
    imageRef: container.imageRef,
    imageId: container.imageId,
    state: fromContainerState(container.state),
    createdAt: toLong(container.createdAt),
    labels: spec.labels,
    annotations: spec.annotations,
  };
}

export function fromContainerStatus(container: Container): IContainerStatus {
  const { spec } = container;
  return {
    id: container.id,
    metadata: spec.metadata,
    state: fromContainerState(container.state),
    createdAt: toLong(container.createdAt),
    ...fromHistory(container.state),
    image: fromImageRequest(container),
    imageRef: container.imageRef,
    imageId: container.imageId,
    labels: spec.labels,
    annotations: spec.annotations,
    mounts: spec.mounts.map(fromMount),
    logPath: container.logPath ?? '',
    ...fromPlatform(container),
    stopSignal: fromStopSignal(container.stopSignal),
  };
}

/** A user of Windows has no number to show. */
function fromPlatform({ resources, windowsResources, user }: Container): Pick<IContainerStatus, 'resources' | 'user'> {
  if (windowsResources !== undefined) return { resources: { windows: fromWindowsResources(windowsResources) } };
  return { resources: { linux: fromLinuxResources(resources) }, user: { linux: fromUser(user) } };
}

/** A container that is being started is CREATED until it runs. */
export function fromContainerState(state: Container['state']): ContainerState {
  return FROM_PHASE[state.phase];
}

const FROM_PHASE = {
  creating: ContainerState.CONTAINER_CREATED,
  created: ContainerState.CONTAINER_CREATED,
  starting: ContainerState.CONTAINER_CREATED,
  running: ContainerState.CONTAINER_RUNNING,
  exited: ContainerState.CONTAINER_EXITED,
  unknown: ContainerState.CONTAINER_UNKNOWN,
} as const satisfies Record<Container['state']['phase'], ContainerState>;

/** The reference that was asked for, not another tag of the same image. */
function fromImageRequest({ spec }: Container): IImageSpec {
  return {
    image: spec.image.userSpecified ?? spec.image.image,
    userSpecifiedImage: spec.image.userSpecified ?? '',
    annotations: spec.image.annotations,
  };
}

function fromHistory(state: Container['state']): Partial<IContainerStatus> {
  if (state.phase === 'running') return { startedAt: toLong(state.startedAt) };
  if (state.phase === 'unknown') return { reason: 'Unknown', message: state.reason };
  if (state.phase !== 'exited') return {};
  return {
    // One that could not be started: tools would print 0 as the year 1970.
    startedAt: toLong(state.startedAt ?? state.finishedAt),
    finishedAt: toLong(state.finishedAt),
    exitCode: state.exitCode,
    reason: state.reason,
    message: state.message,
  };
}

function fromUser(user: Container['user']) {
  return {
    uid: toLong(user.uid),
    gid: toLong(user.gid),
    supplementalGroups: user.supplementalGroups.map(toLong),
  };
}
