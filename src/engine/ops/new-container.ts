import { join } from 'node:path';
import type { ContainerId } from '../ids.ts';
import type { ContainerRecord, SandboxRecord } from '../store/index.ts';
import type { ContainerSpec, Image } from '../types/index.ts';
import type { OpsDeps } from './deps.ts';
import { labelsOf } from './selinux.ts';
import { DEFAULT_STOP_SIGNAL, signalName } from './signals.ts';

export type NewContainerDeps = Pick<OpsDeps, 'store' | 'handlers' | 'cgroups' | 'host' | 'logger'>;

export interface NewContainer {
  readonly id: ContainerId;
  readonly sandbox: SandboxRecord;
  readonly spec: ContainerSpec;
  readonly image: Image;
  readonly configHash: string;
}

/** The record of a container that is to be made. Throws invalid-argument when the request's stop signal is none. */
export function newContainer(
  deps: NewContainerDeps,
  { id, sandbox, spec, image, configHash }: NewContainer,
): ContainerRecord {
  const handler = deps.handlers.resolve(sandbox.handlerName);
  const { labels } = labelsOf(deps, sandbox, spec.security);
  const logPath =
    spec.logPath !== undefined && sandbox.spec.logDirectory !== undefined
      ? join(sandbox.spec.logDirectory, spec.logPath)
      : undefined;
  return {
    id,
    sandboxId: sandbox.id,
    spec,
    createdAt: deps.store.clock.next(),
    state: { phase: 'creating' },
    imageId: image.id,
    imageRef: image.repoDigests[0] ?? image.id,
    user: { uid: 0, gid: 0, supplementalGroups: [] },
    ...(logPath === undefined ? {} : { logPath }),
    ...(labels === undefined ? {} : { mountLabel: labels.mount }),
    stopSignal: stopSignalOf(deps, spec, image),
    resources: spec.resources,
    ...(spec.windows === undefined ? {} : { windowsResources: spec.windows.resources }),
    snapshotter: handler.config.snapshotter,
    snapshotKey: id,
    runtimeType: handler.config.type,
    configHash,
    handlerName: sandbox.handlerName,
    cgroupPath: deps.cgroups.containerPath(sandbox.cgroupParent, id),
  };
}

/** The request's signal must be one; an image's that is none is told and passed over, since images are not to be trusted. */
function stopSignalOf(deps: NewContainerDeps, spec: ContainerSpec, image: Image): string {
  if (spec.stopSignal !== undefined) return signalName(spec.stopSignal);
  if (image.config.stopSignal === '') return DEFAULT_STOP_SIGNAL;
  try {
    return signalName(image.config.stopSignal);
  } catch {
    deps.logger.warn(
      { image: image.id, signal: image.config.stopSignal },
      "the image's stop signal is none; TERM is used",
    );
    return DEFAULT_STOP_SIGNAL;
  }
}
