import { createHash } from 'node:crypto';
import type { Clients } from '../containerd/clients.ts';
import { nanosOf } from '../containerd/timestamp.ts';
import { isKind, messageOf } from '../errors.ts';
import type { LayerService } from '../layer/index.ts';
import type { Logger } from '../logger.ts';
import type { Nanos } from '../types/index.ts';
import type { Descriptor } from './manifest.ts';
import type { StoredImage } from './stored-image.ts';

export interface VerifyDeps {
  readonly clients: { readonly content: Pick<Clients['content'], 'info' | 'read' | 'delete'> };
  readonly layers: Pick<LayerService, 'discard'>;
  readonly snapshotters: readonly string[];
  readonly images: () => readonly StoredImage[];
  /** Takes an image away, with all its names. */
  readonly remove: (id: string, signal: AbortSignal) => Promise<void>;
  readonly logger: Logger;
}

/** What was found, for the log and for tests. */
export interface Verified {
  readonly images: number;
  /** Those that were damaged, and are removed: they must be pulled again. */
  readonly removed: readonly string[];
}

/** So many of the newest images are read whole, and unpacked anew: what was written last may be lost with the power. */
const RECENT_IMAGES = 3;

/**
 * Looks at images after the node went without a stop of davitd. Each must have all of its layers, whole by their sizes; of
 * the newest the bytes too, and what was unpacked of them is discarded where no container stands on it. Documents are
 * checked whenever they are read. A damaged image is removed, so that it is pulled again and no container gets half of it.
 */
export async function verifyImages(deps: VerifyDeps, signal: AbortSignal): Promise<Verified> {
  const removed: string[] = [];
  const dated: { readonly image: StoredImage; readonly newestAt: Nanos }[] = [];
  for (const image of deps.images()) {
    const found = await sizesAreRight(deps, image, signal);
    if ('problem' in found) removed.push(await remove(deps, image, found, signal));
    else dated.push({ image, ...found });
  }
  dated.sort((a, b) => (a.newestAt < b.newestAt ? 1 : -1));
  for (const { image } of dated.slice(0, RECENT_IMAGES)) {
    const bad = await findChanged(deps, image, signal);
    if (bad === 'none') await discardUnpacked(deps, image, signal);
    else if (bad !== 'incomplete')
      removed.push(await remove(deps, image, { problem: 'its bytes are not what they were', blob: bad }, signal));
  }
  deps.logger.info({ images: dated.length, removed: removed.length }, 'images are verified after an unclean shutdown');
  return { images: dated.length, removed };
}

interface Damage {
  readonly problem: string;
  readonly blob: Descriptor;
}

async function sizesAreRight(
  { clients }: VerifyDeps,
  image: StoredImage,
  signal: AbortSignal,
): Promise<Damage | { readonly newestAt: Nanos }> {
  let newestAt: Nanos = 0n;
  for (const blob of image.layers) {
    try {
      const { info } = await clients.content.info({ digest: blob.digest }, { signal });
      const size = info?.size.toNumber() ?? 0;
      if (size !== blob.size) return { problem: `it has ${size} of ${blob.size} bytes`, blob };
      const madeAt = nanosOf(info?.createdAt ?? null);
      if (madeAt > newestAt) newestAt = madeAt;
    } catch (error) {
      // Another client's image may do without packed layers once it is unpacked.
      if (!isKind(error, 'not-found')) throw error;
    }
  }
  return { newestAt };
}

/** The first layer whose bytes are others than its digest says; `incomplete`: not all are there, to be unpacked anew. */
async function findChanged(
  { clients }: VerifyDeps,
  image: StoredImage,
  signal: AbortSignal,
): Promise<Descriptor | 'none' | 'incomplete'> {
  for (const blob of image.layers) {
    const [algorithm = '', expected] = blob.digest.split(':');
    const hash = createHash(algorithm);
    try {
      for await (const { data } of clients.content.read({ digest: blob.digest }, { signal })) hash.update(data);
    } catch (error) {
      if (isKind(error, 'not-found')) return 'incomplete';
      throw error;
    }
    if (hash.digest('hex') !== expected) return blob;
  }
  return 'none';
}

async function remove(deps: VerifyDeps, image: StoredImage, damage: Damage, signal: AbortSignal): Promise<string> {
  const { problem, blob } = damage;
  deps.logger.error({ image: image.id, blob: blob.digest, problem }, 'an image is damaged; it must be pulled again');
  await deps.remove(image.id, signal);
  await deps.clients.content.delete({ digest: blob.digest }, { signal }).catch((error: unknown) => {
    if (!isKind(error, 'not-found')) throw error;
  });
  await discardUnpacked(deps, image, signal);
  return image.id;
}

/** From the top down, until one that others stand on. */
async function discardUnpacked(deps: VerifyDeps, image: StoredImage, signal: AbortSignal): Promise<void> {
  for (const snapshotter of deps.snapshotters) {
    try {
      for (const chainId of image.chainIds.toReversed()) {
        if (!(await deps.layers.discard(chainId, snapshotter, signal))) break;
      }
    } catch (error) {
      if (signal.aborted) throw error;
      deps.logger.warn({ image: image.id, snapshotter, error: messageOf(error) }, 'its layers are not unpacked anew');
    }
  }
}
