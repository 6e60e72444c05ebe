import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startContainerd } from '../../../test/integration/containerd.ts';
import type { TestContainerd } from '../../../test/integration/containerd.ts';
import { Channel } from '../containerd/channel.ts';
import { createClients } from '../containerd/clients.ts';
import type { Clients } from '../containerd/clients.ts';
import { ensureNamespace } from '../containerd/namespace.ts';
import { EngineError } from '../errors.ts';
import { createLayerService } from '../layer/index.ts';
import type { LayerService } from '../layer/index.ts';
import type { RegistryAuth } from '../types/index.ts';
import { createImageService } from './image-service.ts';
import type { ImageService } from './index.ts';
import { testImage } from './test-image.ts';
import type { TestImage } from './test-image.ts';
import { TestRegistry } from './test-registry.ts';

const signal = AbortSignal.timeout(110_000);
const call = { signal };
const MIB = 1024 * 1024;
const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing };

let containerd: TestContainerd;
let channel: Channel;
let registry: TestRegistry;
let clients: Clients;
let layers: LayerService;
let images: ImageService;
/** A namespace for each test: nothing is shared but the daemon. */
let namespace: string;
let tests = 0;

beforeAll(async () => {
  containerd = await startContainerd();
  channel = new Channel(containerd.address);
  channel.open();
  await channel.waitForReady(signal);
});

afterAll(async () => {
  channel.close();
  await containerd[Symbol.asyncDispose]();
});

beforeEach(async () => {
  registry = await TestRegistry.start();
  namespace = `test-${++tests}`;
  const target = { address: containerd.address, namespace, admission: () => undefined, grpc: () => channel.grpc };
  clients = createClients(target);
  await ensureNamespace(clients, namespace, call);
  layers = createLayerService({ root: '/fixture', clients });
  images = await startImages();
});

afterEach(async () => {
  await images.close();
  await registry[Symbol.asyncDispose]();
});

async function startImages(progressTimeoutMs = 60_000, maxConcurrentDownloads = 3): Promise<ImageService> {
  const service = createImageService({
    root: '/fixture',
    observer: { stepEnded: () => undefined, undoFailed: () => undefined },
    clients,
    namespace,
    layers,
    logger: SILENT,
    env: {},
    arch: process.arch,
    options: {
      registryConfigPath: [join(containerd.dir, 'certs.d')],
      pinned: ['*/pinned:*'],
      maxConcurrentDownloads,
      artifacts: true,
      progressTimeoutMs,
      snapshotters: ['overlayfs'],
    },
  });
  await service.start(signal);
  return service;
}

function nothing(): void {}

/** Two layers that no other test has, the second of `size` random bytes. */
function freshImage(options: Partial<Parameters<typeof testImage>[0]> = {}, size = 1000): TestImage {
  const unique = randomBytes(16).toString('hex');
  return testImage({
    layers: [{ 'etc/unique': unique, 'etc/passwd': 'root:x:0:0::/:/bin/sh\n' }, { 'data/blob': randomBytes(size) }],
    config: { Cmd: ['/bin/sh'], User: '1000', Labels: { 'containerd.io/restart.loguri': 'binary:///evil' } },
    ...options,
  });
}

function push(name: string, image: TestImage): string {
  const [repository = '', tag = 'latest'] = name.split(':');
  registry.push(repository, tag, image);
  return `${registry.host}/${name}`;
}

async function pull(image: string, auth?: RegistryAuth, ended: AbortSignal = signal): Promise<string> {
  return await images.pull({ image, ...(auth === undefined ? {} : { auth }) }, ended);
}

async function failure(promise: Promise<unknown>): Promise<EngineError> {
  const error: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof EngineError) return error;
  throw new Error('no EngineError', { cause: error });
}

interface Inventory {
  readonly names: readonly string[];
  readonly blobs: readonly string[];
  readonly snapshots: readonly string[];
  readonly leases: readonly string[];
  readonly ingests: readonly string[];
}

/** What containerd's namespace holds after its garbage collection. */
async function inventory(): Promise<Inventory> {
  await clients.leases.create({ id: 'collect' }, call);
  await clients.leases.delete({ id: 'collect', sync: true }, call);
  const blobs: string[] = [];
  for await (const { info } of clients.content.list({}, call)) blobs.push(...info.map(({ digest }) => digest));
  const snapshots: string[] = [];
  for await (const { info } of clients.snapshots.list({ snapshotter: 'overlayfs' }, call)) {
    snapshots.push(...info.map(({ name }) => name));
  }
  return {
    names: (await clients.images.list({}, call)).images.map(({ name }) => name).sort(),
    blobs: blobs.sort(),
    snapshots,
    leases: (await clients.leases.list({}, call)).leases.map(({ labels }) => labels['davit.lease'] ?? '?'),
    ingests: (await clients.content.listStatuses({}, call)).statuses.map(({ ref }) => ref),
  };
}

const NOTHING: Inventory = { names: [], blobs: [], snapshots: [], leases: [], ingests: [] };

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('pull()', () => {
  it.each([
    { compression: 'gzip', docker: true, index: false },
    { compression: 'zstd', docker: false, index: true },
    { compression: 'none', docker: false, index: false },
  ] as const)('brings an image that containers can be made on: %j', async (options) => {
    const image = freshImage(options);
    const reference = push('team/app:v1', image);
    const id = await pull(reference);
    expect(id).toBe(image.id);
    const found = images.get(reference);
    expect(found).toMatchObject({
      id,
      repoTags: [reference],
      repoDigests: [`${registry.host}/team/app@${image.digest}`],
      user: { uid: 1000 },
      pinned: false,
      config: { cmd: ['/bin/sh'] },
    });
    const { chainId } = await images.ensureUnpacked(id, 'overlayfs', signal);
    expect(found?.chainId).toBe(chainId);
    const look = {
      snapshotter: 'overlayfs',
      key: 'look',
      parent: chainId,
      labels: { 'containerd.io/gc.root': 'test' },
    };
    const [view] = (await clients.snapshots.view(look, call)).mounts;
    const lower = view?.options.find((option) => option.startsWith('lowerdir='))?.slice('lowerdir='.length) ?? '';
    expect(await readFile(join(lower.split(':').at(-1) ?? '', 'etc/passwd'), 'utf8')).toContain('root:x:0');
    await clients.snapshots.remove({ snapshotter: 'overlayfs', key: 'look' }, call);
  });

  it('leaves in containerd what the image needs, exactly, and none of its labels', async () => {
    const image = freshImage({ index: true });
    const reference = push('team/app:v1', image);
    await pull(reference);
    const left = await inventory();
    expect(left).toMatchObject({
      names: [`${registry.host}/team/app@${image.digest}`, reference, image.id].sort(),
      blobs: [...image.blobs.keys()].sort(),
      leases: [],
      ingests: [],
    });
    expect(left.snapshots).toHaveLength(2);
    const { images: records } = await clients.images.list({}, call);
    expect(records.map(({ labels }) => labels)).toEqual(records.map(() => ({ 'davit.image': 'managed' })));
  });

  it('downloads nothing the second time, and still asks the registry', async () => {
    const reference = push('team/app:v1', freshImage());
    await pull(reference);
    const before = registry.seen.length;
    await pull(reference);
    expect(registry.seen.slice(before).map(({ method }) => method)).toEqual(['HEAD']);
    registry.failing = 401;
    expect((await failure(pull(reference))).kind).toBe('unauthenticated');
  });

  it('downloads a layer that two images share once', async () => {
    const base = { 'etc/base': randomBytes(1000) };
    const one = testImage({ layers: [base, { one: '1' }] });
    const two = testImage({ layers: [base, { two: '2' }] });
    const names = [push('one', one), push('two', two)];
    await Promise.all(names.map((name) => pull(name)));
    expect(registry.gets(one.layers[0]?.digest ?? '')).toBe(1);
    expect((await inventory()).snapshots).toHaveLength(3);
  });

  it('is one pull for ten callers', async () => {
    const image = freshImage();
    const reference = push('team/app:v1', image);
    const ids = await Promise.all(Array.from({ length: 10 }, () => pull(reference)));
    expect(new Set(ids)).toEqual(new Set([image.id]));
    expect(registry.seen.filter(({ method }) => method === 'HEAD')).toHaveLength(1);
    for (const { digest } of image.layers) expect(registry.gets(digest)).toBe(1);
  });

  it('does not share a result between callers with different credentials', async () => {
    const image = freshImage();
    const reference = push('team/app:v1', image);
    registry.auth = { scheme: 'basic', username: 'bob', password: 's3cret' };
    const [good, bad, none] = await Promise.allSettled([
      pull(reference, { username: 'bob', password: 's3cret' }),
      pull(reference, { username: 'bob', password: 'guess' }),
      pull(reference),
    ]);
    expect(good.status).toBe('fulfilled');
    expect(bad).toMatchObject({ status: 'rejected', reason: { kind: 'unauthenticated' } });
    expect(none).toMatchObject({ status: 'rejected', reason: { kind: 'unauthenticated' } });
  });

  it("ends one caller's wait, and the pull when nobody waits any more", async () => {
    const image = freshImage();
    const reference = push('team/app:v1', image);
    const gate = Promise.withResolvers<void>();
    const layer = image.layers[1]?.digest ?? '';
    registry.gates.set(layer, gate.promise);
    const first = new AbortController();
    const second = new AbortController();
    const left = pull(reference, undefined, first.signal);
    const stays = pull(reference, undefined, second.signal);
    await until(() => registry.gets(layer) > 0);
    first.abort();
    await expect(left).rejects.toThrow('aborted');
    gate.resolve();
    expect(await stays).toBe(image.id);

    const other = freshImage();
    const name = push('team/other:v1', other);
    registry.gates.set(other.layers[1]?.digest ?? '', new Promise(() => undefined));
    const alone = pull(name, undefined, second.signal);
    await until(() => registry.gets(other.layers[1]?.digest ?? '') > 0);
    second.abort();
    await expect(alone).rejects.toThrow('aborted');
    expect(images.get(name)).toBeUndefined();
  });

  it('goes on where a connection broke off', async () => {
    const image = freshImage({}, 4 * MIB);
    const reference = push('team/app:v1', image);
    const layer = image.layers[1]?.digest ?? '';
    registry.cut.set(layer, 3 * MIB);
    expect(await pull(reference)).toBe(image.id);
    const ranges = registry.seen.filter(({ path }) => path.endsWith(layer)).map(({ range }) => range);
    expect(ranges[0]).toBeUndefined();
    expect(Number(/^bytes=([0-9]+)-$/.exec(ranges[1] ?? '')?.[1])).toBeGreaterThan(0);
    expect(ranges).toHaveLength(2);
  });

  it('begins anew where the registry knows no ranges', async () => {
    const image = freshImage({}, 4 * MIB);
    const reference = push('team/app:v1', image);
    registry.supportsRange = false;
    registry.cut.set(image.layers[1]?.digest ?? '', 3 * MIB);
    expect(await pull(reference)).toBe(image.id);
  });

  it('goes on in a later pull where an earlier one gave up, and then leaves nothing of it', async () => {
    const image = freshImage({}, 4 * MIB);
    const reference = push('team/app:v1', image);
    const layer = image.layers[1]?.digest ?? '';
    registry.stall.set(layer, 3 * MIB);
    const ended = new AbortController();
    const broken = pull(reference, undefined, ended.signal);
    const [first, second] = image.layers.map(({ digest }) => digest);
    await untilStored(first ?? '');
    await untilIngested(layer, 2 * MIB);
    ended.abort();
    await expect(broken).rejects.toThrow('aborted');
    await images.close();
    expect(await inventory()).toMatchObject({ ingests: [`layer-${second}`], names: [], leases: ['pull'] });

    // A davitd that starts now finds it.
    images = await startImages();
    registry.stall.clear();
    expect(await pull(reference)).toBe(image.id);
    expect(registry.seen.findLast(({ path }) => path.endsWith(layer))?.range).toMatch(/^bytes=[1-9]/);
    expect(registry.gets(first ?? '')).toBe(1);
    expect(await inventory()).toMatchObject({ leases: [], ingests: [] });
  });

  it('is data-loss when the registry sends something else, and leaves nothing', async () => {
    const image = freshImage();
    const reference = push('team/app:v1', image);
    registry.corrupt.add(image.layers[1]?.digest ?? '');
    const error = await failure(pull(reference));
    expect(error.kind).toBe('data-loss');
    expect(error.message).toContain(image.layers[1]?.digest);
    expect(await inventory()).toEqual(NOTHING);
    expect(images.list(undefined)).toEqual([]);
  });

  it('is data-loss when a layer unpacks to something else than its config says', async () => {
    const reference = push(
      'team/app:v1',
      freshImage({ diffIds: [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`] }),
    );
    expect((await failure(pull(reference))).kind).toBe('data-loss');
    expect(await inventory()).toEqual(NOTHING);
  });

  it('leaves no trace of a pull that the registry refuses', async () => {
    expect((await failure(pull(`${registry.host}/no/such:v1`))).kind).toBe('not-found');
    expect(await inventory()).toEqual(NOTHING);
  });

  it('says how far it was when no byte comes any more', async () => {
    const image = freshImage({}, 3 * MIB);
    const reference = push('team/app:v1', image);
    registry.stall.set(image.layers[1]?.digest ?? '', MIB);
    await images.close();
    images = await startImages(500);
    const error = await failure(pull(reference));
    expect(error.kind).toBe('deadline-exceeded');
    expect(error.message).toMatch(/stalled at 1\.[0-9]\/3\.[0-9] MB, layer 2\/2, last byte [0-9]+s ago/);
  });

  it('fetches other layers while one stalls, where one is fetched at a time', async () => {
    await images.close();
    images = await startImages(60_000, 1);
    const stalled = freshImage({}, 2 * MIB);
    const layer = stalled.layers[1]?.digest ?? '';
    const stalledReference = push('team/stalled:v1', stalled);
    registry.stall.set(layer, MIB);
    const ended = new AbortController();
    const broken = pull(stalledReference, undefined, ended.signal);
    await untilStored(stalled.layers[0]?.digest ?? '');
    await expect.poll(() => registry.gets(layer), { timeout: 30_000 }).toBe(1);
    const fine = freshImage();
    expect(await pull(push('team/fine:v1', fine))).toBe(fine.id);
    ended.abort();
    await expect(broken).rejects.toThrow('aborted');
  });

  it('passes over a mirror that is away or damaged', async () => {
    await using mirror = await TestRegistry.start();
    const image = freshImage();
    push('team/app:v1', image);
    const folder = join(containerd.dir, 'certs.d', 'registry.example');
    await mkdir(folder, { recursive: true });
    const hosts = ['http://127.0.0.1:1', `http://${mirror.host}`].map((host) => `[host."${host}"]\n`).join('');
    await writeFile(join(folder, 'hosts.toml'), `server = "http://${registry.host}"\n${hosts}`);
    mirror.failing = 500;
    expect(await pull('registry.example/team/app:v1')).toBe(image.id);
    expect(mirror.seen.length).toBeGreaterThan(0);
    expect(images.get(image.id)?.repoTags).toEqual(['registry.example/team/app:v1']);
  });

  it.each(['basic', 'bearer'] as const)('gives credentials by the scheme %s', async (scheme) => {
    const image = freshImage();
    const reference = push('team/app:v1', image);
    registry.auth = { scheme, username: 'bob', password: 's3cret' };
    expect(await pull(reference, { username: 'bob', password: 's3cret' })).toBe(image.id);
  });

  it('takes blobs of other namespaces from the store where the registry serves them', async () => {
    const image = freshImage();
    const reference = push('team/app:v1', image);
    await pull(reference);
    const target = {
      address: containerd.address,
      namespace: `${namespace}-b`,
      admission: () => undefined,
      grpc: () => channel.grpc,
    };
    await images.close();
    clients = createClients(target);
    await ensureNamespace(clients, target.namespace, call);
    layers = createLayerService({ root: '/fixture', clients });
    images = await startImages();
    expect(images.list(undefined)).toEqual([]);
    expect(await pull(reference)).toBe(image.id);
    expect((await inventory()).blobs).toEqual([...image.blobs.keys()].sort());
  });
});

describe('get(), list() and remove()', () => {
  it('shows tags that share an id as one image, and removes it by any of them', async () => {
    const image = freshImage();
    const names = ['a:1', 'a:2', 'b:1'].map((name) => push(name, image));
    for (const name of names) await pull(name);
    const [one, ...others] = images.list(undefined);
    expect(others).toEqual([]);
    expect(one?.repoTags).toEqual([...names].sort());
    expect(one?.repoDigests).toHaveLength(2);
    const hex = image.id.slice('sha256:'.length);
    for (const text of [
      ...names,
      image.id,
      hex,
      hex.slice(0, 13),
      `${registry.host}/b@${image.digest}`,
      image.digest,
    ]) {
      expect(images.get(text)).toBe(one);
    }
    expect(images.list(names[0])).toEqual([one]);
    expect(images.list('no/such')).toEqual([]);

    await images.remove(names[2] ?? '', signal);
    expect(images.list(undefined)).toEqual([]);
    expect(await inventory()).toEqual(NOTHING);
    await images.remove(image.id, signal);
  });

  it('moves a tag to the image that it names now, and keeps the one before under its digest', async () => {
    const before = freshImage();
    const after = freshImage();
    const reference = push('app:v1', before);
    await pull(reference);
    push('app:v1', after);
    await pull(reference);
    expect(images.get(reference)?.id).toBe(after.id);
    expect(images.get(before.id)?.repoTags).toEqual([]);
    expect(images.get(before.id)?.repoDigests).toEqual([`${registry.host}/app@${before.digest}`]);
  });

  it('pulls by digest', async () => {
    const image = freshImage();
    push('app:v1', image);
    const reference = `${registry.host}/app@${image.digest}`;
    expect(await pull(reference)).toBe(image.id);
    expect(images.get(reference)).toMatchObject({ repoTags: [], repoDigests: [reference] });
  });

  it('marks pinned images', async () => {
    await pull(push('team/pinned:v1', freshImage()));
    expect(images.list(undefined).map(({ pinned }) => pinned)).toEqual([true]);
  });

  it('keeps the same object until something changes, and finds all after a restart', async () => {
    const image = freshImage();
    await pull(push('a:1', image));
    const one = images.get(image.id);
    await pull(push('a:1', image));
    expect(images.get(image.id)).toBe(one);
    await images.close();
    images = await startImages();
    expect(images.list(undefined)).toEqual([one]);
  });

  it('shows what another client does to the store, and unpacks it on use', async () => {
    const image = freshImage();
    const reference = push('team/app:v1', image);
    await pull(reference);
    const { image: record } = await clients.images.get({ name: reference }, call);
    await clients.images.create(
      { image: { name: 'docker.io/library/theirs:1', target: record?.target ?? null } },
      call,
    );
    await until(() => images.get('theirs:1') !== undefined);
    await images.remove(reference, signal);
    expect(images.get('theirs:1')).toBeUndefined();

    const target = await putContent(image);
    await clients.images.create({ image: { name: 'theirs/app', target } }, call);
    await until(() => images.list(undefined).length === 1);
    expect(images.list(undefined)[0]).toMatchObject({ id: image.id, repoTags: [] });
    expect(images.get('theirs/app')?.id).toBe(image.id);
    const { chainId } = await images.ensureUnpacked(image.id, 'overlayfs', signal);
    expect(await layers.committed(chainId, 'overlayfs', signal)).toBe(true);
    expect((await inventory()).snapshots).toHaveLength(2);
    await clients.images.delete({ name: 'theirs/app' }, call);
    await until(() => images.list(undefined).length === 0);
  });
});

describe('remove() during a pull', () => {
  it('leaves the pull what it needs of the removed image', async () => {
    const base = { 'etc/base': randomBytes(1000) };
    const one = testImage({ layers: [base, { one: '1' }] });
    const two = testImage({ layers: [base, { two: '2' }] });
    const [first, second] = [push('one', one), push('two', two)];
    await pull(first);
    const gate = Promise.withResolvers<void>();
    const layer = two.layers[1]?.digest ?? '';
    registry.gates.set(layer, gate.promise);
    const pulling = pull(second);
    await Promise.race([pulling, until(() => registry.gets(layer) > 0)]);
    await images.remove(first, signal);
    gate.resolve();
    expect(await pulling).toBe(two.id);
    const left = await inventory();
    expect(left.blobs).toEqual([...two.blobs.keys()].sort());
    expect(left.snapshots).toHaveLength(2);
    expect(registry.gets(two.layers[0]?.digest ?? '')).toBe(1);
  });
});

describe('ensureUnpacked()', () => {
  it('unpacks for a second snapshotter, which lives as long as the image', async () => {
    const image = freshImage();
    await pull(push('app:v1', image));
    const { chainId } = await images.ensureUnpacked(image.id, 'native', signal);
    await inventory();
    expect(await layers.committed(chainId, 'native', signal)).toBe(true);
    await images.remove(image.id, signal);
    expect(await layers.committed(chainId, 'native', signal)).toBe(false);
  });

  it('is not-found for an image that is not here', async () => {
    const error = await failure(images.ensureUnpacked(`sha256:${'a'.repeat(64)}`, 'overlayfs', signal));
    expect(error.kind).toBe('not-found');
  });
});

describe('fsInfo()', () => {
  it('answers what the snapshotter and the packed layers take', async () => {
    await until(() => images.fsInfo().imageFilesystems.length > 0);
    const before = images.fsInfo().imageFilesystems[0];
    expect(before?.mountpoint).toBe(join(containerd.root, 'io.containerd.snapshotter.v1.overlayfs'));
    expect(before?.usedBytes).toBeGreaterThan(0);
    await pull(push('app:v1', freshImage({}, 2 * MIB)));
    await until(() => (images.fsInfo().imageFilesystems[0]?.usedBytes ?? 0) > (before?.usedBytes ?? 0) + 4 * MIB);
    expect(images.fsInfo().containerFilesystems).toHaveLength(1);
  });
});

/** Puts an image into the content store as another client would: nothing labelled but what the manifest needs. */
async function putContent(image: TestImage): Promise<{ mediaType: string; digest: string; size: number }> {
  const { openContentWriter } = await import('../containerd/content.ts');
  const labels: Record<string, string> = { 'containerd.io/gc.root': 'test' };
  for (const { digest, bytes } of image.blobs.values()) {
    await using writer = await openContentWriter(clients.content, { ref: digest, expected: digest }, call);
    await writer.write(bytes);
    await writer.commit({ size: bytes.length, digest, labels });
  }
  return { mediaType: image.mediaType, digest: image.digest, size: image.blobs.get(image.digest)?.bytes.length ?? 0 };
}

/** Waits until `bytes` of an unfinished layer are in the store. */
async function untilIngested(digest: string, bytes: number): Promise<void> {
  for (;;) {
    const { statuses } = await clients.content.listStatuses({}, call);
    if (statuses.some(({ ref, offset }) => ref === `layer-${digest}` && offset.toNumber() >= bytes)) return;
  }
}

async function untilStored(digest: string): Promise<void> {
  while ((await inventory()).blobs.every((blob) => blob !== digest)) signal.throwIfAborted();
}
