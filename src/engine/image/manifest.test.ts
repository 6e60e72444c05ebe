import { describe, expect, it } from 'vitest';
import { mediaTypeOf, parseManifest } from './manifest.ts';
import { testImage } from './test-image.ts';

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';
const DIGEST = `sha256:${'a'.repeat(64)}`;
const CONFIG = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: DIGEST, size: 5 };
const LAYER = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: DIGEST, size: 5 };
const GOOD = { schemaVersion: 2, mediaType: OCI, config: CONFIG, layers: [LAYER] };

function parse(document: unknown, type = OCI): ReturnType<typeof parseManifest> {
  return parseManifest(
    Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)),
    type,
    'manifest of x',
  );
}

describe('parseManifest()', () => {
  it.each([{ docker: false }, { docker: true }])('reads manifests and indexes of both kinds: %j', ({ docker }) => {
    const image = testImage({ layers: [{ a: 'a' }, { b: 'b' }], docker });
    const bytes = image.blobs.get(image.digest)?.bytes ?? Buffer.alloc(0);
    const manifest = parseManifest(bytes, image.mediaType, 'x');
    expect(manifest).toMatchObject({ kind: 'manifest', config: { digest: image.id } });
    expect(manifest.kind === 'manifest' && manifest.layers.map(({ digest }) => digest)).toEqual(
      image.layers.map(({ digest }) => digest),
    );
    const indexed = testImage({ layers: [{ a: 'a' }], docker, index: true });
    const index = parseManifest(indexed.blobs.get(indexed.digest)?.bytes ?? Buffer.alloc(0), indexed.mediaType, 'x');
    expect(index.kind === 'index' && index.manifests.map((entry) => entry.platform?.architecture)).toHaveLength(2);
  });

  it('tells artifacts by their config, or by what they say and what they hold', () => {
    const chart = { ...CONFIG, mediaType: 'application/vnd.cncf.helm.config.v1+json' };
    expect(parse({ ...GOOD, config: chart })).toMatchObject({ kind: 'artifact', type: chart.mediaType });
    const artifactType = 'application/vnd.example.model';
    expect(parse({ ...GOOD, artifactType }).kind).toBe('manifest');
    const layers = [LAYER, { ...LAYER, mediaType: 'text/plain' }];
    expect(parse({ ...GOOD, artifactType, layers })).toMatchObject({ kind: 'artifact', type: artifactType });
    expect(() => parse({ ...GOOD, layers })).toThrow('cannot be unpacked');
  });

  it('takes the kind from the document where the registry does not say it', () => {
    expect(parse({ ...GOOD, mediaType: undefined }, 'application/json').kind).toBe('manifest');
    expect(parse({ schemaVersion: 2, manifests: [] }, 'text/plain; charset=utf-8').kind).toBe('index');
  });

  it.each([
    ['CVE-2021-41190: a manifest that is an index too', { ...GOOD, manifests: [] }, OCI, 'manifest and index at once'],
    [
      'CVE-2021-41190: an index with layers',
      { schemaVersion: 2, manifests: [], layers: [LAYER] },
      OCI_INDEX,
      'at once',
    ],
    [
      'CVE-2021-41190: an index with a config',
      { schemaVersion: 2, manifests: [], config: CONFIG },
      OCI_INDEX,
      'at once',
    ],
    ['a type that contradicts the header', GOOD, DOCKER, 'was sent as'],
    ['schema 1 by its type', GOOD, 'application/vnd.docker.distribution.manifest.v1+prettyjws', 'schema 1'],
    ['schema 1 by its version', { schemaVersion: 1, fsLayers: [] }, 'application/json', 'schema 1'],
    ['an unknown version', { ...GOOD, schemaVersion: 3 }, OCI, 'schemaVersion'],
    ['CVE-2026-24054: no layers', { ...GOOD, layers: [] }, OCI, 'no layers'],
    [
      "a plugin of Docker's",
      { ...GOOD, mediaType: DOCKER, config: { ...CONFIG, mediaType: 'application/vnd.docker.plugin.v1+json' } },
      DOCKER,
      'no container image',
    ],
    [
      'an encrypted layer',
      { ...GOOD, layers: [{ ...LAYER, mediaType: `${LAYER.mediaType}+encrypted` }] },
      OCI,
      'cannot be unpacked',
    ],
    ['a bad digest', { ...GOOD, layers: [{ ...LAYER, digest: 'sha256:../../etc' }] }, OCI, 'layers[0].digest'],
    [
      'another algorithm',
      { ...GOOD, config: { ...CONFIG, digest: `sha512:${'a'.repeat(128)}` } },
      OCI,
      'config.digest',
    ],
    ['a negative size', { ...GOOD, layers: [{ ...LAYER, size: -1 }] }, OCI, 'layers[0].size'],
    ['a size that is no number', { ...GOOD, config: { ...CONFIG, size: '5' } }, OCI, 'config.size'],
    ['an array', [], OCI, 'not an object'],
    ['half a document', '{"schemaVersion": 2', OCI, 'not valid JSON'],
    ['what is not UTF-8', '{"a":"\ud800"}', OCI, 'config is not an object'],
    ['a deep document', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, OCI, 'nested deeper'],
    ['inherited fields', '{"__proto__":{"config":{},"layers":[]}}', OCI, 'config is not an object'],
  ])('refuses %s', (_name, document, type, part) => {
    expect(() => parse(document, type)).toThrow(part);
    expect(() => parse(document, type)).toThrow(/^manifest of x/);
  });
});

describe('mediaTypeOf()', () => {
  it("prefers the header's type, then the document's own, then what it is made like", () => {
    const bytes = Buffer.from(JSON.stringify({ ...GOOD, mediaType: undefined }));
    expect(mediaTypeOf(bytes, `${DOCKER}; charset=utf-8`, 'x')).toBe(DOCKER);
    expect(mediaTypeOf(Buffer.from(JSON.stringify(GOOD)), 'application/json', 'x')).toBe(OCI);
    expect(mediaTypeOf(bytes, 'application/octet-stream', 'x')).toBe(OCI);
  });
});
