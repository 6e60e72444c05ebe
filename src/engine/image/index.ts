import type { Service } from '../lifecycle.ts';
import type { PullWork } from './image-observer.ts';
import type { Image, ImageFsInfo, PullRequest } from '../types/index.ts';
import type { ImageOptions } from './image-service.ts';
import type { ListedLease } from './pull-leases.ts';

/**
 * The node's images. An image's id is the digest of its config, everywhere. Reads answer from memory; the Image
 * objects are frozen and replaced on change.
 */
export interface ImageService extends Service {
  /** Loads what containerd has and follows what others change in it. */
  start(signal: AbortSignal): Promise<void>;
  /** Changes options from now on; what has begun goes on. Throws invalid-argument for a pattern that is none, and changes nothing. */
  reload(changes: Omit<ImageOptions, 'snapshotters'>): void;
  /** Aborts the pulls that still run. */
  close(): Promise<void>;
  /**
   * Pulls an image and returns its id. Calls for the same image with the same credentials share one pull; the signal
   * ends this caller's wait, and the pull when nobody waits for it any more. Errors: invalid-argument (the reference,
   * the credentials), unauthenticated, permission-denied, not-found, unavailable (reason RegistryUnavailable when no
   * host could be reached), data-loss (a digest does not match), failed-precondition (no image that can run here, or a
   * broken hosts.toml), deadline-exceeded (no progress).
   */
  pull(request: PullRequest, signal: AbortSignal): Promise<string>;
  /** By reference, digest, id or unique start of an id; undefined when there is none. An ambiguous start throws. */
  get(image: string): Image | undefined;
  /** All images, or the one that `filter` names. */
  list(filter: string | undefined): readonly Image[];
  /** Removes an image with all its names, by any of them. Unknown images are fine. */
  remove(image: string, signal: AbortSignal): Promise<void>;
  /** Finds and removes what a loss of power has damaged; answers the ids of removed images. See verify-images.ts. */
  verify(signal: AbortSignal): Promise<readonly string[]>;
  /** The pulls that are under way, the oldest first. */
  work(): readonly PullWork[];
  /** As it was at the last look, which is taken in the background. */
  fsInfo(): ImageFsInfo;
  /** Leases of this davit's pulls, by which what they bring in is held. */
  listLeases(signal: AbortSignal): Promise<readonly ListedLease[]>;
  /** Deletes a lease that is not in use; one that is gone is success. */
  removeLease(id: string, signal: AbortSignal): Promise<void>;
  /** The bytes of a small file of an artifact (4 MiB at most). not-found for an artifact or a file that is not there. */
  readFile(id: string, path: string, signal: AbortSignal): Promise<Uint8Array>;
  /** Makes sure that a container's root can be made on the image: unpacks what is not unpacked yet. */
  ensureUnpacked(imageId: string, snapshotter: string, signal: AbortSignal): Promise<{ readonly chainId: string }>;
}

export type { ImageObserver, PullReport, PullWork } from './image-observer.ts';
export { createImageService } from './image-service.ts';
export type { ListedLease } from './pull-leases.ts';
export type { ImageOptions, ImageServiceDeps } from './image-service.ts';
