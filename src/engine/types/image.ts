import type { Nanos } from './nanos.ts';
import type { StringMap } from './string-map.ts';

/** An image as a request names it. */
export interface ImageRequest {
  /** A reference, a digest or an image id. */
  readonly image: string;
  /** What the user wrote, given back in ContainerStatus.image; absent: `image`. */
  readonly userSpecified?: string;
  readonly annotations: StringMap;
}

export interface Image {
  /** The config's digest, `sha256:…`, or that of an artifact's manifest: an image's one identity everywhere. */
  readonly id: string;
  /** Names with tags, e.g. registry.k8s.io/pause:3.10. */
  readonly repoTags: readonly string[];
  /** Names with digests, e.g. registry.k8s.io/pause@sha256:… */
  readonly repoDigests: readonly string[];
  /** Compressed size of all that the image is made of, in bytes; never 0. */
  readonly sizeBytes: number;
  /** The config's User, if it is a number or a name. */
  readonly user: { readonly uid?: number; readonly username?: string };
  readonly pinned: boolean;
  readonly config: ImageConfig;
  /** Chain id of the topmost layer: the parent snapshot of a container's root. */
  readonly chainId: string;
  /** There exactly where it is no image but files, which can be mounted and not run. */
  readonly artifact?: Artifact;
}

/** Blobs with names, such as a model, a chart, or profiles; all of it hostile input. */
export interface Artifact {
  /** What it is by its maker's word, a media type. */
  readonly type: string;
  /** By paths that lead nowhere else. */
  readonly files: readonly { readonly path: string; readonly digest: string; readonly size: number }[];
}

/** The part of an OCI image config that a container is made from. All of it is hostile input. */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly stopSignal: string;
  readonly volumes: readonly string[];
  readonly labels: StringMap;
  /** Windows: the first word of the image's command is a command line that is quoted already. */
  readonly argsEscaped?: boolean;
}

export interface FilesystemUsage {
  readonly mountpoint: string;
  readonly usedBytes: number;
  readonly inodesUsed: number;
  readonly timestamp: Nanos;
}

export interface ImageFsInfo {
  readonly imageFilesystems: readonly FilesystemUsage[];
  readonly containerFilesystems: readonly FilesystemUsage[];
}
