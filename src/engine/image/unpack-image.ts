import type { LayerService } from '../layer/index.ts';
import type { DocumentStore } from './document-store.ts';
import type { StoredImage } from './stored-image.ts';

export interface UnpackImageDeps {
  readonly layers: LayerService;
  readonly documents: DocumentStore;
}

export interface UnpackRequest {
  readonly image: StoredImage;
  readonly snapshotter: string;
  readonly lease: string;
  /** Resolves when layer `i` is in the content store. */
  readonly layerIsThere: (i: number) => Promise<void>;
}

/** Unpacks an image's layers in order, each as soon as it is there, and ties the result to the image's config. */
export async function unpackImage(deps: UnpackImageDeps, request: UnpackRequest, signal: AbortSignal): Promise<void> {
  const { image, snapshotter, lease } = request;
  const top = image.chainIds.at(-1) ?? '';
  if (!(await deps.layers.hold(top, snapshotter, lease, signal))) await unpackLayers(deps, request, signal);
  await deps.documents.labelSnapshot(image.config.digest, snapshotter, top, signal);
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
