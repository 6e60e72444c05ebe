import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineError } from '../errors.ts';
import type { RegistryAuth } from '../types/index.ts';
import { credentialsOf } from './credentials.ts';
import { parseReference } from './reference.ts';
import { openRegistry } from './registry.ts';
import type { Registry } from './registry.ts';
import { testImage } from './test-image.ts';
import { TestRegistry } from './test-registry.ts';
import { TlsSettings } from './tls-settings.ts';

const signal = new AbortController().signal;
const IMAGE = testImage({ layers: [{ 'bin/sh': 'sh' }] });
const LAYER = { mediaType: 'x', digest: IMAGE.layers[0]?.digest ?? '', size: IMAGE.layers[0]?.bytes.length ?? 0 };
/** A port that nothing listens on. */
const NOBODY = 'http://127.0.0.1:1';

let root: string;
let registry: TestRegistry;
let mirror: TestRegistry;
let opened: Registry[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'davit-registry-'));
  registry = await TestRegistry.start();
  mirror = await TestRegistry.start();
  opened = [];
});

afterEach(async () => {
  for (const one of opened) await one.close();
  await registry[Symbol.asyncDispose]();
  await mirror[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

async function open(image: string, auth?: RegistryAuth): Promise<Registry> {
  const deps = { configPath: () => [root], warn: () => undefined, tls: new TlsSettings(), env: {} };
  const made = await openRegistry(parseReference(image), credentialsOf(auth), deps);
  opened.push(made);
  return made;
}

async function configure(domain: string, text: string): Promise<void> {
  await mkdir(join(root, domain), { recursive: true });
  await writeFile(join(root, domain, 'hosts.toml'), text);
}

async function failure(promise: Promise<unknown>): Promise<EngineError> {
  const error: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof EngineError) return error;
  throw new Error('no EngineError', { cause: error });
}

describe('Registry.resolve()', () => {
  it('learns the digest by HEAD alone', async () => {
    registry.push('a/b', 'v1', IMAGE);
    const resolved = await (await open(`${registry.host}/a/b:v1`)).resolve(signal);
    const size = IMAGE.blobs.get(IMAGE.digest)?.bytes.length;
    expect(resolved).toEqual({ descriptor: { mediaType: IMAGE.mediaType, digest: IMAGE.digest, size } });
    expect(registry.seen.map(({ method }) => method)).toEqual(['HEAD']);
  });

  it('reads the manifest where a registry has no HEAD', async () => {
    registry.push('a/b', 'v1', IMAGE);
    registry.supportsHead = false;
    const resolved = await (await open(`${registry.host}/a/b:v1`)).resolve(signal);
    expect(resolved.descriptor.digest).toBe(IMAGE.digest);
    expect(resolved.bytes).toEqual(IMAGE.blobs.get(IMAGE.digest)?.bytes);
  });

  it('is not-found when every host says so, and names each', async () => {
    await configure(registry.host, `[host."http://${mirror.host}"]`);
    const error = await failure((await open(`${registry.host}/a/b:v1`)).resolve(signal));
    expect(error.kind).toBe('not-found');
    expect(error.reason).toBeUndefined();
    expect(error.message).toContain(`http://${mirror.host}/v2/a/b/manifests/v1: 404 Not Found`);
    expect(error.message).toContain(`http://${registry.host}/v2/a/b/manifests/v1: 404`);
  });

  it('has the reason RegistryUnavailable when no host can be reached', async () => {
    await configure('example.com', `server = "${NOBODY}"\n[host."http://127.0.0.1:2"]`);
    const error = await failure((await open('example.com/a:v1')).resolve(signal));
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'RegistryUnavailable' });
    expect(error.message).toContain('127.0.0.1:1');
    expect(error.message).toContain('127.0.0.1:2');
    expect(error.message).toContain('ECONNREFUSED');
  });

  it('asks mirrors in order, and tells them whose images they serve', async () => {
    await configure(
      'example.com',
      `server = "http://${registry.host}"\n[host."${NOBODY}"]\n[host."http://${mirror.host}"]`,
    );
    registry.push('a', 'v1', IMAGE);
    mirror.push('a', 'v1', IMAGE);
    await (await open('example.com/a:v1')).resolve(signal);
    expect(mirror.seen.map(({ query }) => query.get('ns'))).toEqual(['example.com']);
    expect(registry.seen).toEqual([]);
    mirror.failing = 503;
    await (await open('example.com/a:v1')).resolve(signal);
    expect(registry.seen).toHaveLength(1);
  });

  it('asks only hosts that may resolve', async () => {
    await configure(registry.host, `[host."http://${mirror.host}"]\ncapabilities = ["pull"]`);
    registry.push('a', 'v1', IMAGE);
    mirror.push('a', 'v1', IMAGE);
    const made = await open(`${registry.host}/a:v1`);
    const { descriptor } = await made.resolve(signal);
    expect(mirror.seen).toEqual([]);
    await made.fetchDocument('manifests', descriptor, signal);
    expect(mirror.seen).toHaveLength(1);
  });

  it.each([
    [401, 'unauthenticated'],
    [403, 'permission-denied'],
    [429, 'resource-exhausted'],
    [500, 'unavailable'],
    [418, 'unknown'],
  ])('translates the status %i', async (status, kind) => {
    registry.failing = status;
    const error = await failure((await open(`${registry.host}/a:v1`)).resolve(signal));
    expect(error.kind).toBe(kind);
    expect(error.reason).toBeUndefined();
  });

  it("ends with the signal's reason", async () => {
    const made = await open(`${registry.host}/a:v1`);
    const reason = new EngineError('cancelled', 'enough');
    await expect(made.resolve(AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

describe('Registry with credentials', () => {
  const basic = { scheme: 'basic', username: 'bob', password: 's3cret' } as const;

  it('gives a name and password only when asked for them', async () => {
    registry.push('a', 'v1', IMAGE);
    registry.auth = basic;
    const made = await open(`${registry.host}/a:v1`, { username: 'bob', password: 's3cret' });
    await made.resolve(signal);
    await made.resolve(signal);
    expect(registry.seen.map(({ authorization }) => authorization?.split(' ')[0])).toEqual([
      undefined,
      'Basic',
      'Basic',
    ]);
  });

  it('trades a name and password for a token, once for all requests', async () => {
    registry.push('a', 'v1', IMAGE);
    registry.auth = { ...basic, scheme: 'bearer' };
    const made = await open(`${registry.host}/a:v1`, { auth: Buffer.from('bob:s3cret').toString('base64') });
    await Promise.all([made.resolve(signal), made.resolve(signal), made.resolve(signal)]);
    const tokens = registry.seen.filter(({ path }) => path === '/token');
    expect(tokens).toHaveLength(1);
    expect(tokens[0]?.query.get('scope')).toBe('repository:a:pull');
    expect(tokens[0]?.query.get('service')).toBe('test');
  });

  it('trades an identity token by POST, and sends a registry token as it is', async () => {
    registry.push('a', 'v1', IMAGE);
    registry.auth = { ...basic, scheme: 'bearer', identityToken: 'refresh' };
    await (await open(`${registry.host}/a:v1`, { identityToken: 'refresh' })).resolve(signal);
    const traded = registry.seen.find(({ path }) => path === '/token');
    expect(traded?.method).toBe('POST');
    await failure((await open(`${registry.host}/a:v1`, { registryToken: 'mine' })).resolve(signal));
    expect(registry.seen.at(-1)?.authorization).toBe('Bearer mine');
  });

  it('is unauthenticated with the wrong ones, or with none, and repeats no secret', async () => {
    registry.push('a', 'v1', IMAGE);
    for (const scheme of ['basic', 'bearer'] as const) {
      registry.auth = { ...basic, scheme };
      for (const auth of [undefined, { username: 'bob', password: 'guess' }, { registryToken: 'guess' }]) {
        const error = await failure((await open(`${registry.host}/a:v1`, auth)).resolve(signal));
        expect(error.kind).toBe('unauthenticated');
        expect(error.message).not.toContain('guess');
      }
    }
  });

  it('keeps credentials for another server to itself', async () => {
    registry.push('a', 'v1', IMAGE);
    registry.auth = basic;
    const auth = { username: 'bob', password: 's3cret', serverAddress: 'https://elsewhere.example' };
    const error = await failure((await open(`${registry.host}/a:v1`, auth)).resolve(signal));
    expect(error.message).toContain('for another host');
    expect(registry.seen.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it('does not carry them over a redirect to the storage', async () => {
    await configure(registry.host, `server = "http://${registry.host}"\n[header]\nx-own = "secret"`);
    registry.push('a', 'v1', IMAGE);
    mirror.push('a', 'v1', IMAGE);
    registry.auth = basic;
    registry.storage = mirror;
    const blob = await (await open(`${registry.host}/a:v1`, basic)).openBlob(LAYER, 0, signal);
    const parts = await blob.body.toArray();
    expect(Buffer.concat(parts as Buffer[])).toEqual(IMAGE.layers[0]?.bytes);
    expect(blob.from).not.toContain('signature');
    expect(mirror.seen).toHaveLength(1);
    expect(mirror.seen[0]?.authorization).toBeUndefined();
    expect(registry.seen.at(-1)?.authorization).toMatch(/^Basic/);
  });
});

describe('Registry.fetchDocument()', () => {
  it('throws data-loss when the document is another one', async () => {
    registry.push('a', 'v1', IMAGE);
    registry.corrupt.add(IMAGE.digest);
    const made = await open(`${registry.host}/a:v1`);
    const { descriptor } = await made.resolve(signal);
    expect((await failure(made.fetchDocument('manifests', descriptor, signal))).kind).toBe('data-loss');
  });

  it('CVE-2023-25153: reads no more than a manifest may have', async () => {
    const huge = { bytes: Buffer.alloc(5 * 1024 * 1024, 0x20), mediaType: IMAGE.mediaType, digest: IMAGE.digest };
    registry.push('a', 'v1', { ...IMAGE, blobs: new Map([[IMAGE.digest, huge]]) });
    registry.supportsHead = false;
    const made = await open(`${registry.host}/a:v1`);
    expect((await failure(made.resolve(signal))).kind).toBe('resource-exhausted');
    const lied = { mediaType: IMAGE.mediaType, digest: IMAGE.digest, size: 100 };
    expect((await failure(made.fetchDocument('manifests', lied, signal))).kind).toBe('resource-exhausted');
    const told = { ...lied, size: 5 * 1024 * 1024 };
    expect((await failure(made.fetchDocument('manifests', told, signal))).kind).toBe('failed-precondition');
  });
});

describe('Registry.openBlob()', () => {
  it('begins where it is asked to, or at 0 where the host cannot', async () => {
    registry.push('a', 'v1', IMAGE);
    const made = await open(`${registry.host}/a:v1`);
    const part = await made.openBlob(LAYER, 10, signal);
    expect(part.offset).toBe(10);
    expect(Buffer.concat((await part.body.toArray()) as Buffer[])).toEqual(IMAGE.layers[0]?.bytes.subarray(10));
    registry.supportsRange = false;
    const whole = await made.openBlob(LAYER, 10, signal);
    expect(whole.offset).toBe(0);
    whole.body.destroy();
  });

  it('refuses a blob of another length', async () => {
    registry.push('a', 'v1', IMAGE);
    const made = await open(`${registry.host}/a:v1`);
    expect((await failure(made.openBlob({ ...LAYER, size: 5 }, 0, signal))).kind).toBe('data-loss');
  });

  it('asks a host that broke off last', async () => {
    await configure(registry.host, `[host."http://${mirror.host}"]`);
    registry.push('a', 'v1', IMAGE);
    mirror.push('a', 'v1', IMAGE);
    const made = await open(`${registry.host}/a:v1`);
    const first = await made.openBlob(LAYER, 0, signal);
    first.body.destroy();
    first.failed();
    (await made.openBlob(LAYER, 0, signal)).body.destroy();
    expect([mirror.seen.length, registry.seen.length]).toEqual([1, 1]);
  });
});
