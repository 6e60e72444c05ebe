import { EngineError, kindOf, messageOf } from '../errors.ts';
import { readOnlyMounts } from '../security/index.ts';
import type { ContainerRecord, SandboxRecord } from '../store/index.ts';
import type { Image, ImageMount, MountSpec } from '../types/index.ts';
import { declaredPaths } from '../volume/index.ts';
import type { DeclaredVolume } from '../volume/index.ts';
import type { OpsDeps } from './deps.ts';
import { containerLabels } from './labels.ts';

export type ContainerVolumesDeps = Pick<OpsDeps, 'defaults' | 'images' | 'layers' | 'volumes'>;

export interface PreparedVolumes {
  /** What the container's image declares. */
  readonly declared: readonly DeclaredVolume[];
  /** The request's mounts; each image that was found is named in its mount. */
  readonly mounts: readonly MountSpec[];
  /** Where the images are mounted on the node, by the mount's place in the request. */
  readonly images: ReadonlyMap<number, string>;
}

export interface VolumesSubject {
  readonly record: ContainerRecord;
  readonly sandbox: SandboxRecord;
  readonly image: Image;
}

/** Makes the volumes that a container's image declares, and mounts the images that its request names. */
export async function prepareVolumes(
  deps: ContainerVolumesDeps,
  { record, sandbox, image }: VolumesSubject,
  signal: AbortSignal,
): Promise<PreparedVolumes> {
  const declared = await declareVolumes(deps, { record, sandbox, image }, signal);
  const images = new Map<number, string>();
  const mounts: MountSpec[] = [];
  for (const [index, mount] of record.spec.mounts.entries()) {
    if (mount.image === undefined) {
      mounts.push(mount);
      continue;
    }
    const { source, imageRef } = await mountImage(deps, { record, sandbox, index, image: mount.image }, signal);
    images.set(index, source);
    mounts.push({ ...mount, image: { ...mount.image, imageRef } });
  }
  return { declared, mounts, images };
}

/** Takes back what prepareVolumes() made, or began to. */
export async function removeVolumes(
  deps: Pick<OpsDeps, 'layers' | 'volumes'>,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<void> {
  await deps.volumes.remove(record.id);
  for (const [index, { image }] of record.spec.mounts.entries()) {
    if (image !== undefined) await deps.layers.removeRoot(viewKey(record, index), record.snapshotter, signal);
  }
}

async function declareVolumes(
  deps: ContainerVolumesDeps,
  { record, sandbox, image }: VolumesSubject,
  signal: AbortSignal,
): Promise<readonly DeclaredVolume[]> {
  const { imageVolumes } = deps.defaults.containers;
  if (imageVolumes === 'ignore') return [];
  const paths = declaredPaths(
    image.config.volumes,
    record.spec.mounts.map((mount) => mount.containerPath),
  );
  if (paths.length === 0) return [];
  const root = await deps.layers.mountsOf(record.snapshotKey, record.snapshotter, signal);
  if (imageVolumes === 'bind') return await deps.volumes.declare(record.id, root, paths, signal);
  const { user } = sandbox.spec.namespaces;
  await deps.volumes.makeFolders(root, { paths, ...(user === undefined ? {} : { shift: user.hostId }) }, signal);
  return [];
}

interface ImageSubject {
  readonly record: ContainerRecord;
  readonly sandbox: SandboxRecord;
  readonly index: number;
  readonly image: ImageMount;
}

async function mountImage(
  deps: ContainerVolumesDeps,
  { record, sandbox, index, image: asked }: ImageSubject,
  signal: AbortSignal,
): Promise<{ readonly source: string; readonly imageRef: string }> {
  const { snapshotter } = record;
  const { user } = sandbox.namespaces;
  try {
    const image = deps.images.get(asked.image);
    if (image === undefined) {
      throw new EngineError('not-found', `image ${JSON.stringify(asked.image)} is not on this node; pull it first`);
    }
    const { chainId } = await deps.images.ensureUnpacked(image.id, snapshotter, signal);
    const view = await deps.layers.prepareView(
      { key: viewKey(record, index), snapshotter, parent: chainId, labels: containerLabels(record, sandbox) },
      signal,
    );
    const source = await deps.volumes.mountImage(record.id, index, {
      mounts: readOnlyMounts(view),
      ...(asked.subPath === undefined ? {} : { subPath: asked.subPath }),
      ...(user === undefined ? {} : { userNamespace: user }),
    });
    return { source, imageRef: image.repoDigests[0] ?? image.id };
  } catch (error) {
    const field = `config.mounts[${index}].image`;
    throw new EngineError(kindOf(error), `ImageVolumeMountFailed: ${field}: ${messageOf(error)}`, {
      cause: error,
      reason: 'ImageVolumeMountFailed',
    });
  }
}

function viewKey({ id }: ContainerRecord, index: number): string {
  return `${id}-image-${index}`;
}
