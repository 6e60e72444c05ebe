import { createHash } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { tar } from './tar.ts';
import type { Entry } from './tar.ts';

/** What an image's config says about running it, in the words of the OCI image specification. */
export interface RunConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Labels?: Readonly<Record<string, string>>;
}

/** A layer as it is stored; images share it. */
export interface Layer {
  readonly compression: 'gzip' | 'zstd' | 'none';
  readonly content: Buffer;
  /** Digest of the uncompressed archive. */
  readonly diffId: string;
}

/**
 * `oci`: a manifest for this machine. `oci-index`: an index whose first manifest is for another machine, the second for
 * this one. `docker`: a manifest list in Docker's schema 2 media types, otherwise like `oci-index`.
 */
export type Form = 'oci' | 'oci-index' | 'docker';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface Blob extends Descriptor {
  readonly content: Buffer;
}

/** An image ready to be pushed: blobs first, then manifests in this order, the last one under the tags. */
export interface Image {
  readonly blobs: readonly Blob[];
  readonly manifests: readonly Blob[];
}

interface Platform {
  readonly os: string;
  readonly architecture: string;
}

const CREATED = '2024-01-01T00:00:00Z';
const FOREIGN: Platform = { os: 'linux', architecture: 's390x' };
const TYPES = {
  oci: {
    config: 'application/vnd.oci.image.config.v1+json',
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    index: 'application/vnd.oci.image.index.v1+json',
    none: 'application/vnd.oci.image.layer.v1.tar',
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
    zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  },
  docker: {
    config: 'application/vnd.docker.container.image.v1+json',
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    none: 'application/vnd.docker.image.rootfs.diff.tar',
    gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
  },
} as const;

export function packLayer(entries: readonly Entry[], compression: Layer['compression']): Layer {
  const archive = tar(entries);
  return { compression, content: compress(archive, compression), diffId: digestOf(archive) };
}

/** Builds an image; equal input gives equal digests on the same machine. */
export function buildImage(layers: readonly Layer[], config: RunConfig, form: Form): Image {
  const here: Platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
  const own = buildManifest(layers, config, here, form);
  if (form === 'oci') return own;
  const foreign = buildManifest([packLayer([], 'gzip')], {}, FOREIGN, form);
  const types = TYPES[form === 'docker' ? 'docker' : 'oci'];
  const children = [...foreign.manifests, ...own.manifests];
  const index = json(types.index, {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: children.map((child, place) => ({ ...descriptor(child), platform: place === 0 ? FOREIGN : here })),
  });
  return { blobs: [...foreign.blobs, ...own.blobs], manifests: [...children, index] };
}

function buildManifest(layers: readonly Layer[], config: RunConfig, platform: Platform, form: Form): Image {
  const types = TYPES[form === 'docker' ? 'docker' : 'oci'];
  const packed = layers.map((layer) => blob(types[layer.compression], layer.content));
  const image = json(types.config, {
    created: CREATED,
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created: CREATED, created_by: 'hack/test-images' })),
  });
  const manifest = json(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptor(image),
    layers: packed.map(descriptor),
  });
  return { blobs: [...packed, image], manifests: [manifest] };
}

function compress(content: Buffer, compression: Layer['compression']): Buffer {
  if (compression === 'none') return content;
  return compression === 'gzip' ? gzipSync(content) : zstdCompressSync(content);
}

function json(mediaType: string, value: object): Blob {
  return blob(mediaType, Buffer.from(JSON.stringify(value)));
}

function blob(mediaType: string, content: Buffer): Blob {
  return { mediaType, digest: digestOf(content), size: content.length, content };
}

function descriptor({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
