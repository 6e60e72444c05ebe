import type { Clients } from '../containerd/clients.ts';
import { EngineError, isKind } from '../errors.ts';
import type { PullLeases } from './pull-leases.ts';
import type { StoredImage } from './stored-image.ts';
import { unpackImage } from './unpack-image.ts';
import type { UnpackImageDeps } from './unpack-image.ts';

export interface UnpackStoredDeps extends UnpackImageDeps {
  readonly clients: Pick<Clients, 'content'>;
  readonly leases: PullLeases;
}

/** Unpacks what is in the store already: an image that another client brought, or one for a second snapshotter. */
export async function unpackStored(
  deps: UnpackStoredDeps,
  image: StoredImage,
  snapshotter: string,
  signal: AbortSignal,
): Promise<void> {
  const lease = await deps.leases.acquire(image.id, signal);
  try {
    await deps.documents.hold(image.target.digest, lease.id, signal);
    const layerIsThere = (i: number): Promise<void> => checkLayer(deps, image, i, signal);
    await unpackImage(deps, { image, snapshotter, lease: lease.id, layerIsThere }, signal);
  } finally {
    await lease[Symbol.asyncDispose]();
  }
}

async function checkLayer(deps: UnpackStoredDeps, image: StoredImage, i: number, signal: AbortSignal): Promise<void> {
  const digest = image.layers[i]?.digest ?? '';
  try {
    await deps.clients.content.info({ digest }, { signal });
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error;
    const message = `image ${image.id} lacks its layer ${digest} on this node; pull it again`;
    throw new EngineError('failed-precondition', message, { cause: error });
  }
}
