import type { IdMap } from './id-map.ts';

/** An image whose files are mounted, always read-only. */
export interface ImageMount {
  /** A reference, a digest or an image id, as it was asked for. */
  readonly image: string;
  /** What of the image is mounted; absent: all of it. Relative, without `..`. */
  readonly subPath?: string;
  /** `name@digest` of the image that was found where it has one, else its id; there once the container is. */
  readonly imageRef?: string;
}

/** Options that a request may add to a mount. None of them gives what the mount on the node has not. */
export type MountOption =
  'nodev' | 'noexec' | 'nosuid' | 'nosymfollow' | 'noatime' | 'nodiratime' | 'relatime' | 'strictatime';

export interface MountSpec {
  readonly containerPath: string;
  /** '' where `image` is mounted. */
  readonly hostPath: string;
  readonly image?: ImageMount;
  readonly readonly: boolean;
  /** Read-only with all that is mounted below the host path; only with `readonly` and private propagation. */
  readonly recursiveReadOnly?: boolean;
  readonly options?: readonly MountOption[];
  /** The pod's own: files show the owners in the container that they have on the node. Absent: they are as on the node. */
  readonly idMap?: IdMap;
  readonly propagation: 'private' | 'host-to-container' | 'bidirectional';
  readonly selinuxRelabel: boolean;
}

export interface DeviceSpec {
  readonly containerPath: string;
  readonly hostPath: string;
  /** A subset of "rwm". */
  readonly permissions: string;
}
