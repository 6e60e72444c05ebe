import { randomBytes } from 'node:crypto';
import type { CallOptions } from '../containerd/call.ts';
import type { Clients } from '../containerd/clients.ts';
import type { types } from '../containerd/generated/containerd.js';
import { EngineError, isKind, withContext } from '../errors.ts';
import type { PackedLayer } from './index.ts';

export interface UnpackDeps {
  readonly clients: Pick<Clients, 'content' | 'diff' | 'snapshots'>;
}

/** Tells a snapshotter what the snapshot will be; one that has it already answers already-exists. */
const TARGET_LABEL = 'containerd.io/snapshot.ref';
/** On a packed layer: the digest of what it unpacks to. */
const UNCOMPRESSED_LABEL = 'containerd.io/uncompressed';
/** Removing a half-unpacked layer means deleting its files. */
const CLEAN_UP_DEADLINE_MS = 60_000;
const NONCE_BYTES = 3;

/**
 * Unpacks a layer the way containerd's own clients do, so that layers are shared with them: an active snapshot named
 * for extraction, the layer applied to it, committed under the chain id. Of the image's annotations none is passed on:
 * snapshotters act on labels, and images are not to be trusted.
 */
export async function unpackLayer(deps: UnpackDeps, layer: PackedLayer, options: CallOptions): Promise<void> {
  const { snapshotter, parent, chainId } = layer;
  const { snapshots } = deps.clients;
  const key = `extract-${process.hrtime.bigint()}-${randomBytes(NONCE_BYTES).toString('hex')} ${chainId}`;
  const labels = { [TARGET_LABEL]: chainId };
  try {
    const { mounts } = await snapshots.prepare({ snapshotter, key, parent, labels }, options);
    await apply(deps, layer, mounts, options);
    await snapshots.commit({ snapshotter, key, name: chainId, labels }, options);
  } catch (error) {
    await removeExtraction(deps, snapshotter, key);
    // A remote snapshotter had it, or another client of containerd was faster.
    if (isKind(error, 'already-exists')) return;
    throw withContext(error, `unpack layer ${layer.blob.digest}`);
  }
  await markUncompressed(deps, layer, options);
}

async function apply(deps: UnpackDeps, layer: PackedLayer, mounts: types.Mount[], options: CallOptions): Promise<void> {
  const { mediaType, digest, size } = layer.blob;
  const { applied } = await deps.clients.diff.apply({ diff: { mediaType, digest, size }, mounts }, options);
  if (applied?.digest === layer.diffId) return;
  throw new EngineError(
    'data-loss',
    `it unpacks to ${applied?.digest ?? 'nothing'}, and the image's config says ${layer.diffId}`,
  );
}

async function removeExtraction(deps: UnpackDeps, snapshotter: string, key: string): Promise<void> {
  const signal = AbortSignal.timeout(CLEAN_UP_DEADLINE_MS);
  // The lease holds what cannot be removed now; it goes with the lease.
  await deps.clients.snapshots.remove({ snapshotter, key }, { signal }).catch(() => undefined);
}

/** For other clients of containerd; nothing of ours depends on it. */
async function markUncompressed(deps: UnpackDeps, layer: PackedLayer, options: CallOptions): Promise<void> {
  const info = { digest: layer.blob.digest, labels: { [UNCOMPRESSED_LABEL]: layer.diffId } };
  await deps.clients.content.update({ info, updateMask: { paths: [`labels.${UNCOMPRESSED_LABEL}`] } }, options);
}
