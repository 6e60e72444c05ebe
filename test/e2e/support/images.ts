import { createHash } from 'node:crypto';
import { buildImage, packLayer } from '../../../hack/images/oci.ts';
import type { Blob, Layer, RunConfig } from '../../../hack/images/oci.ts';
import { push } from '../../../hack/images/push.ts';
import type { Entry } from '../../../hack/images/tar.ts';
import { mustCrictl, nodeEnv } from './node.ts';

/** The small system that most images begin with, as a repository of the node's registry. */
const BASE = 'e2e-test-images/busybox';
const BASE_TAG = '1.29-2';
const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

interface ManifestEntry {
  readonly digest: string;
  readonly platform?: { readonly architecture: string };
}

interface Manifest {
  readonly manifests?: readonly ManifestEntry[];
  readonly config: ManifestEntry;
  readonly layers: readonly ManifestEntry[];
}

/**
 * Builds an image for one test (the small system, and a layer on top of it), pushes it to the node's registry and pulls
 * it. Returns the reference.
 */
export async function makeImage(
  name: string,
  { entries = [], config = {} }: { readonly entries?: readonly Entry[]; readonly config?: RunConfig },
): Promise<string> {
  const url = `http://${nodeEnv()['DAVIT_REGISTRY']}`;
  const base = await baseLayer(url);
  const layers = entries.length === 0 ? [base] : [base, packLayer(entries, 'gzip')];
  const repository = `davit-e2e/${name}`;
  await push({ url }, repository, ['latest'], buildImage(layers, config, 'oci'));
  const reference = `registry.k8s.io/${repository}:latest`;
  await mustCrictl('pull', reference);
  return reference;
}

/** What an artifact is made of: a title, where there is one, and the bytes. */
export interface ArtifactPart {
  readonly title?: string;
  readonly content: Buffer | string;
  readonly mediaType?: string;
}

export interface ArtifactOptions {
  readonly type?: string;
  readonly parts: readonly ArtifactPart[];
}

const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';

/** Pushes an artifact to the node's registry, and returns its reference and its manifest's digest. Pulling is the test's. */
export async function pushArtifact(
  name: string,
  { type = 'application/vnd.davit.test', parts }: ArtifactOptions,
): Promise<{ readonly reference: string; readonly digest: string }> {
  const layers = parts.map(({ title, content, mediaType = 'application/octet-stream' }) => ({
    blob: blobOf(mediaType, Buffer.from(content)),
    ...(title === undefined ? {} : { annotations: { 'org.opencontainers.image.title': title } }),
  }));
  const config = blobOf(EMPTY_TYPE, Buffer.from('{}'));
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const document = {
    schemaVersion: 2,
    mediaType,
    artifactType: type,
    config: described(config),
    layers: layers.map(({ blob: layer, ...more }) => ({ ...described(layer), ...more })),
  };
  const top = blobOf(mediaType, Buffer.from(JSON.stringify(document)));
  const repository = `davit-e2e/${name}`;
  const blobs = [config, ...layers.map(({ blob: layer }) => layer)];
  await push({ url: `http://${nodeEnv()['DAVIT_REGISTRY']}` }, repository, ['latest'], { blobs, manifests: [top] });
  return { reference: `registry.k8s.io/${repository}:latest`, digest: top.digest };
}

function described({ mediaType, digest, size }: Blob): object {
  return { mediaType, digest, size };
}

function blobOf(mediaType: string, content: Buffer): Blob {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  return { mediaType, digest, size: content.length, content };
}

async function baseLayer(url: string): Promise<Layer> {
  const top = await manifest(url, BASE_TAG);
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const own = top.manifests?.find(({ platform }) => platform?.architecture === architecture);
  const { config, layers } = own === undefined ? top : await manifest(url, own.digest);
  const { rootfs } = (await (await blob(url, config.digest)).json()) as { rootfs: { diff_ids: readonly string[] } };
  const [layer] = layers;
  const [diffId] = rootfs.diff_ids;
  if (layers.length !== 1 || layer === undefined || diffId === undefined) throw new Error(`${BASE} is not one layer`);
  const content = Buffer.from(await (await blob(url, layer.digest)).arrayBuffer());
  return { compression: 'gzip', content, diffId };
}

async function manifest(url: string, reference: string): Promise<Manifest> {
  const response = await answer(`${url}/v2/${BASE}/manifests/${reference}`, { headers: { accept: ACCEPT } });
  return (await response.json()) as Manifest;
}

async function blob(url: string, digest: string): Promise<Response> {
  return await answer(`${url}/v2/${BASE}/blobs/${digest}`);
}

async function answer(url: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response;
}
