/** Layers of images and the writable roots of containers, as snapshots of containerd. */
export interface LayerService {
  /**
   * Makes a container's writable root on top of an image. It lives until removeRoot, whatever becomes of the image.
   * A root of this key on the same parent is taken as it is, so that a repeated call succeeds.
   */
  prepareRoot(request: RootRequest, signal: AbortSignal): Promise<readonly Mount[]>;
  /** As prepareRoot, but nothing can be written to it. */
  prepareView(request: RootRequest, signal: AbortSignal): Promise<readonly Mount[]>;
  /** Removes a root or a view and all that was written to it. Unknown keys are fine. */
  removeRoot(key: string, snapshotter: string, signal: AbortSignal): Promise<void>;
  /** The roots and views that this davit made with the snapshotter, and has not removed. */
  listRoots(snapshotter: string, signal: AbortSignal): Promise<readonly ListedRoot[]>;
  /** How to mount a root. not-found when there is none. */
  mountsOf(key: string, snapshotter: string, signal: AbortSignal): Promise<readonly Mount[]>;
  /** What was written to a root. Takes as long as there are files in it. not-found when there is none. */
  usageOf(key: string, snapshotter: string, signal: AbortSignal): Promise<RootUsage>;
  /** True when the snapshotter has the unpacked layers up to this chain id. */
  committed(chainId: string, snapshotter: string, signal: AbortSignal): Promise<boolean>;
  /** Takes unpacked layers away, to be unpacked again when they are needed; false when something stands on them. */
  discard(chainId: string, snapshotter: string, signal: AbortSignal): Promise<boolean>;
  /** Like `committed`; what is there stays for as long as the lease does. */
  hold(chainId: string, snapshotter: string, lease: string, signal: AbortSignal): Promise<boolean>;
  /**
   * Unpacks one layer of the content store onto the one below it, which is unpacked already; does nothing when that has
   * been done. The snapshot is held by `lease`. Throws data-loss when the layer is not what its config says.
   */
  unpack(layer: PackedLayer, lease: string, signal: AbortSignal): Promise<void>;
}

export interface ListedRoot {
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
}

export interface RootUsage {
  readonly bytes: number;
  readonly inodes: number;
}

export interface RootRequest {
  readonly key: string;
  readonly snapshotter: string;
  /** Chain id of the image's topmost layer. */
  readonly parent: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The kernel shows the files' owners shifted by this; needs a snapshotter that remaps ids. */
  readonly idMap?: { readonly hostId: number; readonly length: number };
}

/** A mount as containerd's snapshotters and shims exchange it. */
export interface Mount {
  readonly type: string;
  readonly source: string;
  readonly target?: string;
  readonly options: readonly string[];
}

export interface PackedLayer {
  readonly snapshotter: string;
  /** Chain id of the layer below; '' for the bottom one. */
  readonly parent: string;
  readonly chainId: string;
  /** Digest of the unpacked layer, as the image's config says. */
  readonly diffId: string;
  readonly blob: { readonly mediaType: string; readonly digest: string; readonly size: number };
}

export { createLayerService } from './layer-service.ts';
export { chainIds } from './chain-id.ts';
export { snapshotterFolders } from './snapshotter-folders.ts';
