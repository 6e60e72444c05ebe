import type { LayerService } from '../layer/index.ts';
import type { DocumentStore } from './document-store.ts';
import type { StoredArtifact, StoredImage } from './stored-image.ts';
import type { ArtifactUnpacker } from './unpack-artifact.ts';

export interface UnpackImageDeps {
  readonly layers: LayerService;
  readonly documents: DocumentStore;
  readonly artifacts: Pick<ArtifactUnpacker, 'unpack'>;
}

export interface UnpackRequest {
  readonly image: StoredImage;
  readonly snapshotter: string;
  readonly lease: string;
  /** Resolves when layer `i` is in the content store. */
  readonly layerIsThere: (i: number) => Promise<void>;
}

/**
 * Unpacks an image's layers in order, each as soon as it is there, and ties the result to the image's config; an artifact's
 * files once all of them are, and ties them to its manifest.
 */
export async function unpackImage(deps: UnpackImageDeps, request: UnpackRequest, signal: AbortSignal): Promise<void> {
  const { image, snapshotter, lease } = request;
  const top = image.chainIds.at(-1) ?? '';
  if (!(await deps.layers.hold(top, snapshotter, lease, signal))) {
    if (image.artifact === undefined) await unpackLayers(deps, request, signal);
    else await unpackArtifact(deps, request, image.artifact, signal);
  }
  await deps.documents.labelSnapshot(image.holder, snapshotter, top, signal);
}

async function unpackArtifact(
  deps: UnpackImageDeps,
  { image, snapshotter, lease, layerIsThere }: UnpackRequest,
  artifact: StoredArtifact,
  signal: AbortSignal,
): Promise<void> {
  for (const i of image.layers.keys()) await layerIsThere(i);
  const snapshot = image.chainIds.at(-1) ?? '';
  await deps.artifacts.unpack({ artifact, snapshot, snapshotter, lease }, signal);
}

async function unpackLayers(deps: UnpackImageDeps, request: UnpackRequest, signal: AbortSignal): Promise<void> {
  const { image, snapshotter, lease } = request;
  for (const [i, blob] of image.layers.entries()) {
    await request.layerIsThere(i);
    const layer = {
      snapshotter,
      parent: image.chainIds[i - 1] ?? '',
      chainId: image.chainIds[i] ?? '',
      diffId: image.diffIds[i] ?? '',
      blob,
    };
    await deps.layers.unpack(layer, lease, signal);
  }
}
