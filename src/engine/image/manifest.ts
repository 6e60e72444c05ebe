import type { EngineError } from '../errors.ts';
import { readArtifactManifest } from './artifact-manifest.ts';
import type { ArtifactManifest } from './artifact-manifest.ts';
import { readDescriptor } from './descriptor.ts';
import type { Descriptor } from './descriptor.ts';
import { asArray, asObject, asString, field, parseJsonObject, refuse } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Platform } from './platform.ts';

export type { Descriptor } from './descriptor.ts';

export interface IndexEntry extends Descriptor {
  readonly platform?: Platform;
}

export interface Manifest {
  readonly kind: 'manifest';
  readonly config: Descriptor;
  /** Bottom first; never empty. */
  readonly layers: readonly Descriptor[];
}

export interface Index {
  readonly kind: 'index';
  readonly manifests: readonly IndexEntry[];
}

/** The most that a manifest, an index or a config may have, in bytes: what registries themselves accept. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

export const INDEX_TYPES: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const MANIFEST_TYPES: readonly string[] = ['application/vnd.oci.image.manifest.v1+json', DOCKER_MANIFEST];

const SCHEMA1_TYPES: readonly string[] = [
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
];
const CONFIG_TYPES = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
  // What Docker 1.10 pushed, still found in old repositories.
  'application/octet-stream',
]);
/** Tar archives, plain or compressed in a way that containerd unpacks by itself. */
const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer(?:\.nondistributable)?\.v1\.tar(?:\+(?:gzip|zstd))?|docker\.image\.rootfs(?:\.foreign)?\.diff\.tar(?:\.(?:gzip|zstd))?)$/;

/**
 * Parses and checks a manifest or an index. `contentType` is what the registry, or the record, says that it is.
 * Throws failed-precondition: schema 1, a document of two kinds at once (CVE-2021-41190), what is neither a container image
 * nor an artifact.
 */
export function parseManifest(
  bytes: Uint8Array,
  contentType: string,
  what: string,
): Manifest | Index | ArtifactManifest {
  const type = baseType(contentType);
  if (SCHEMA1_TYPES.includes(type)) throw schema1(what);
  const document = parseJsonObject(bytes, what);
  checkVersion(document, what);
  const declared = field(document, 'mediaType');
  const own = declared === undefined ? '' : asString(declared, `${what}: mediaType`);
  if (isKnown(type) && isKnown(own) && type !== own) {
    throw refuse(what, `was sent as ${type} and says that it is ${own}`);
  }
  const has = (key: string): boolean => field(document, key) !== undefined;
  if (has('manifests') && (has('layers') || has('config'))) {
    throw refuse(what, 'is manifest and index at once: it has both "manifests" and "layers" or "config"');
  }
  const known = isKnown(type) ? type : own;
  const isIndex = isKnown(known) ? INDEX_TYPES.includes(known) : has('manifests');
  if (isIndex) return readIndex(document, what);
  // Artifacts are OCI's alone: what Docker's manifests hold beside images is for Docker.
  const isArtifact = known !== DOCKER_MANIFEST && isNoImage(document);
  return isArtifact ? readArtifactManifest(document, what) : readManifest(document, what);
}

/** The media type to record for a document whose registry did not name one that davit knows. */
export function mediaTypeOf(bytes: Uint8Array, contentType: string, what: string): string {
  const type = baseType(contentType);
  if (isKnown(type)) return type;
  const own = field(parseJsonObject(bytes, what), 'mediaType');
  if (typeof own === 'string' && isKnown(own)) return own;
  const [index = '', manifest = ''] = [INDEX_TYPES[0], MANIFEST_TYPES[0]];
  return parseManifest(bytes, contentType, what).kind === 'index' ? index : manifest;
}

export function isManifestType(contentType: string): boolean {
  return isKnown(baseType(contentType));
}

function isKnown(type: string): boolean {
  return INDEX_TYPES.includes(type) || MANIFEST_TYPES.includes(type);
}

function baseType(contentType: string): string {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function checkVersion(document: JsonObject, what: string): void {
  const version = field(document, 'schemaVersion');
  if (version === 1 || field(document, 'fsLayers') !== undefined) throw schema1(what);
  if (version !== undefined && version !== 2)
    throw refuse(what, `has the unknown schemaVersion ${JSON.stringify(version).slice(0, 20)}`);
}

function schema1(what: string): EngineError {
  return refuse(
    what,
    'is a Docker schema 1 manifest, which is no longer supported: push the image again with a current tool',
  );
}

function readIndex(document: JsonObject, what: string): Index {
  const entries = asArray(field(document, 'manifests'), `${what}: manifests`);
  return {
    kind: 'index',
    manifests: entries.map((entry, i) => {
      const name = `${what}: manifests[${i}]`;
      const platform = readPlatform(asObject(entry, name), name);
      return { ...readDescriptor(entry, name), ...(platform === undefined ? {} : { platform }) };
    }),
  };
}

/** It has the config of something else, or says what it is and has layers that no root is made of. */
function isNoImage(document: JsonObject): boolean {
  const config = typeIn(field(document, 'config'));
  if (config === undefined) return false; // no manifest at all
  if (!CONFIG_TYPES.has(config)) return true;
  const declared = field(document, 'artifactType');
  const layers = field(document, 'layers');
  if (typeof declared !== 'string' || declared === '' || !Array.isArray(layers)) return false;
  return layers.some((layer: unknown) => !LAYER_TYPE.test(typeIn(layer) ?? ''));
}

function typeIn(descriptor: unknown): string | undefined {
  if (typeof descriptor !== 'object' || descriptor === null || Array.isArray(descriptor)) return undefined;
  const type = field(descriptor as JsonObject, 'mediaType');
  return typeof type === 'string' ? type : undefined;
}

function readManifest(document: JsonObject, what: string): Manifest {
  const config = readDescriptor(field(document, 'config'), `${what}: config`);
  if (!CONFIG_TYPES.has(config.mediaType)) {
    throw refuse(what, `is no container image: its config is ${JSON.stringify(config.mediaType.slice(0, 100))}`);
  }
  const layers = asArray(field(document, 'layers'), `${what}: layers`).map((layer, i) =>
    readDescriptor(layer, `${what}: layers[${i}]`),
  );
  if (layers.length === 0) throw refuse(what, 'has no layers: there is nothing to run');
  for (const [i, layer] of layers.entries()) {
    if (LAYER_TYPE.test(layer.mediaType)) continue;
    throw refuse(
      what,
      `has a layer of a type that cannot be unpacked: layers[${i}] is ${JSON.stringify(layer.mediaType.slice(0, 100))}`,
    );
  }
  return { kind: 'manifest', config, layers };
}

function readPlatform(entry: JsonObject, what: string): Platform | undefined {
  const value = field(entry, 'platform');
  if (value === undefined || value === null) return undefined;
  const platform = asObject(value, `${what}.platform`);
  const text = (key: string): string => {
    const part = field(platform, key);
    return part === undefined ? '' : asString(part, `${what}.platform.${key}`);
  };
  return { os: text('os'), architecture: text('architecture'), variant: text('variant') };
}
