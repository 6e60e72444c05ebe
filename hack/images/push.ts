import type { Blob, Image } from './oci.ts';

/** The part of a registry that pushing needs: https://github.com/opencontainers/distribution-spec. */
export interface Registry {
  /** The registry's root, such as `http://127.0.0.1:5000`. */
  readonly url: string;
}

/** Pushes an image under each of the tags; what the registry has already is not sent again. Returns true when anything was sent. */
export async function push(
  registry: Registry,
  repository: string,
  tags: readonly string[],
  image: Image,
): Promise<boolean> {
  const top = image.manifests.at(-1);
  if (top === undefined) throw new Error(`${repository} has no manifest`);
  const missing: string[] = [];
  for (const tag of tags) if ((await digestOfTag(registry, repository, tag, top)) !== top.digest) missing.push(tag);
  if (missing.length === 0) return false;
  for (const blob of image.blobs) await pushBlob(registry, repository, blob);
  for (const manifest of image.manifests) await putManifest(registry, repository, manifest.digest, manifest);
  for (const tag of missing) await putManifest(registry, repository, tag, top);
  return true;
}

async function digestOfTag(registry: Registry, repository: string, tag: string, top: Blob): Promise<string | null> {
  const url = `${registry.url}/v2/${repository}/manifests/${tag}`;
  const response = await fetch(url, { method: 'HEAD', headers: { accept: top.mediaType } });
  return response.ok ? response.headers.get('docker-content-digest') : null;
}

async function pushBlob(registry: Registry, repository: string, blob: Blob): Promise<void> {
  const known = await fetch(`${registry.url}/v2/${repository}/blobs/${blob.digest}`, { method: 'HEAD' });
  if (known.ok) return;
  const session = await expectStatus(202, `${registry.url}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const location = new URL(session.headers.get('location') ?? '', registry.url);
  location.searchParams.set('digest', blob.digest);
  const headers = { 'content-type': 'application/octet-stream' };
  await expectStatus(201, location.href, { method: 'PUT', headers, body: new Uint8Array(blob.content) });
}

async function putManifest(registry: Registry, repository: string, reference: string, manifest: Blob): Promise<void> {
  const headers = { 'content-type': manifest.mediaType };
  const body = new Uint8Array(manifest.content);
  await expectStatus(201, `${registry.url}/v2/${repository}/manifests/${reference}`, { method: 'PUT', headers, body });
}

async function expectStatus(status: number, url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (response.status === status) return response;
  throw new Error(`${init.method} ${url}: ${response.status} instead of ${status}: ${await response.text()}`);
}
