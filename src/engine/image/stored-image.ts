import { readBlob } from '../containerd/content.ts';
import type { Clients } from '../containerd/clients.ts';
import { EngineError } from '../errors.ts';
import { chainIds } from '../layer/index.ts';
import type { ImageConfig } from '../types/index.ts';
import type { ArtifactFile, ArtifactManifest } from './artifact-manifest.ts';
import { parseImageConfig } from './image-config.ts';
import { MAX_DOCUMENT_BYTES, parseManifest } from './manifest.ts';
import type { Descriptor, Manifest } from './manifest.ts';
import { choosePlatform, formatPlatform } from './platform.ts';
import type { Platform } from './platform.ts';

/** What an image's name leads to in the content store, for one platform. */
export interface StoredImage {
  /** The config's digest; of an artifact the manifest's, since many have the same config. */
  readonly id: string;
  /** What the name points to: an index or a manifest. */
  readonly target: Descriptor;
  /** From the target to the manifest: the documents on the way, the manifest last. */
  readonly path: readonly PathStep[];
  readonly config: Descriptor;
  /** Bottom first, as many as `diffIds` and `chainIds`. */
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly string[];
  /** Names of snapshots. An artifact has one, with all its files, and no diff ids. */
  readonly chainIds: readonly string[];
  /** The document that what was unpacked is tied to, so that it lives as long. */
  readonly holder: string;
  readonly imageConfig: ImageConfig;
  /** There exactly where it is no image, but files that can be mounted. */
  readonly artifact?: StoredArtifact;
  /** Manifest, config and layers, as they travel. */
  readonly sizeBytes: number;
}

export interface StoredArtifact {
  /** A media type. */
  readonly type: string;
  readonly files: readonly ArtifactFile[];
}

/** A document, and which of its entries the way goes on with: the labels that hold its children follow from it. */
export interface PathStep {
  readonly descriptor: Descriptor;
  /** Digests by the name of the label that holds them. */
  readonly children: Readonly<Record<string, string>>;
}

/** Gives the bytes of a document, whose digest it has checked. */
export type ReadDocument = (
  descriptor: Descriptor,
  kind: 'manifests' | 'blobs',
  signal: AbortSignal,
) => Promise<Uint8Array>;

/** Label prefixes by which containerd's garbage collector knows that one blob needs another, or a snapshot. */
export const CONTENT_REF_LABEL = 'containerd.io/gc.ref.content';
export const SNAPSHOT_REF_LABEL = 'containerd.io/gc.ref.snapshot';

/** No chain id begins so. */
const ARTIFACT_SNAPSHOT = 'davit-artifact-';
const NO_CONFIG: ImageConfig = {
  entrypoint: [],
  cmd: [],
  env: [],
  workingDir: '',
  user: '',
  stopSignal: '',
  volumes: [],
  labels: {},
};

/** An index may lead to an index; more steps than these are nobody's honest image. */
const MAX_INDEX_DEPTH = 4;
/** For a document of a few kilobytes on a busy disk. */
const READ_DEADLINE_MS = 30_000;

/**
 * Follows a target through its indexes to the manifest for this platform and to the config. `reference` is for messages.
 * Throws failed-precondition for what is neither an image that can run here nor an artifact.
 */
export async function openImage(
  target: Descriptor,
  reference: string,
  platform: Platform,
  read: ReadDocument,
  signal: AbortSignal,
): Promise<StoredImage> {
  const { path, manifest } = await findManifest(target, reference, platform, read, signal);
  if (manifest.kind === 'artifact') return await openArtifact(target, path, manifest, read, signal);
  const { config, layers } = manifest;
  const configBytes = await read(config, 'blobs', signal);
  const parsed = parseImageConfig(configBytes, `config of ${reference}`);
  if (parsed.diffIds.length !== layers.length) {
    const message = `${reference}: its manifest has ${layers.length} layers and its config ${parsed.diffIds.length}`;
    throw new EngineError('failed-precondition', message);
  }
  const manifestSize = path.at(-1)?.descriptor.size ?? 0;
  return {
    id: config.digest,
    target,
    path,
    config,
    layers,
    diffIds: parsed.diffIds,
    chainIds: chainIds(parsed.diffIds),
    holder: config.digest,
    imageConfig: parsed.config,
    sizeBytes: layers.reduce((sum, layer) => sum + layer.size, manifestSize + config.size),
  };
}

/** Of an artifact's config nothing counts, but who hands the artifact on needs it. */
async function openArtifact(
  target: Descriptor,
  path: readonly PathStep[],
  { type, config, layers, files }: ArtifactManifest,
  read: ReadDocument,
  signal: AbortSignal,
): Promise<StoredImage> {
  if (config.size > 0) await read(config, 'blobs', signal);
  const { digest: id = '', size = 0 } = path.at(-1)?.descriptor ?? {};
  return {
    id,
    target,
    path,
    config,
    layers,
    diffIds: [],
    chainIds: [`${ARTIFACT_SNAPSHOT}${id}`],
    holder: id,
    imageConfig: NO_CONFIG,
    artifact: { type, files },
    sizeBytes: layers.reduce((sum, layer) => sum + layer.size, size + config.size),
  };
}

/** Reads documents from containerd's content store alone. */
export function documentsIn(clients: Pick<Clients, 'content'>): ReadDocument {
  return ({ digest }, _kind, signal) =>
    readBlob(clients.content, digest, MAX_DOCUMENT_BYTES, { signal, deadlineMs: READ_DEADLINE_MS });
}

async function findManifest(
  target: Descriptor,
  reference: string,
  platform: Platform,
  read: ReadDocument,
  signal: AbortSignal,
): Promise<{ path: readonly PathStep[]; manifest: Manifest | ArtifactManifest }> {
  const path: PathStep[] = [];
  let descriptor: Descriptor = target;
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth++) {
    const bytes = await read(descriptor, 'manifests', signal);
    const document = parseManifest(bytes, descriptor.mediaType, `manifest of ${reference}`);
    if (document.kind !== 'index') {
      path.push({ descriptor, children: manifestChildren(document) });
      return { path, manifest: document };
    }
    const entry = choosePlatform(document.manifests, platform);
    if (entry === undefined) {
      const offered = document.manifests.flatMap((one) =>
        one.platform === undefined ? [] : [formatPlatform(one.platform)],
      );
      const message = `${reference} is not made for ${formatPlatform(platform)}: it has ${offered.slice(0, 20).join(', ')}`;
      throw new EngineError('failed-precondition', message);
    }
    path.push({
      descriptor,
      children: { [`${CONTENT_REF_LABEL}.m.${document.manifests.indexOf(entry)}`]: entry.digest },
    });
    descriptor = entry;
  }
  throw new EngineError('failed-precondition', `${reference}: its index leads to more than ${MAX_INDEX_DEPTH} others`);
}

function manifestChildren(manifest: Manifest | ArtifactManifest): Readonly<Record<string, string>> {
  const layers = manifest.layers.map((layer, i) => [`${CONTENT_REF_LABEL}.l.${i}`, layer.digest]);
  return Object.fromEntries([[`${CONTENT_REF_LABEL}.config`, manifest.config.digest], ...layers]);
}
