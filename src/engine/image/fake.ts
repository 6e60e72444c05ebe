import { EngineError } from '../errors.ts';
import type { Image, ImageConfig, ImageFsInfo, PullRequest } from '../types/index.ts';
import type { ImageService, ListedLease } from './index.ts';
import { parseReference } from './reference.ts';

const EMPTY_CONFIG: ImageConfig = {
  entrypoint: [],
  cmd: ['sh'],
  env: ['PATH=/bin'],
  workingDir: '',
  user: '',
  stopSignal: '',
  volumes: [],
  labels: {},
};

/** Images in memory, for tests of what uses them. */
export class FakeImages implements ImageService {
  readonly name = 'images';
  readonly #images = new Map<string, Image>();
  /** `image id snapshotter` of each ensureUnpacked. */
  readonly unpacked: string[] = [];
  onUnpack = (): void => undefined;
  /** What a registry would have: a pull of these names succeeds. */
  readonly remote = new Map<string, Image>();

  /** Puts an image there under a name, as if it had been pulled. */
  add(name: string, config: Partial<ImageConfig> = {}): Image {
    const image = fakeImage(name, config);
    this.#images.set(image.id, image);
    return image;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  verify(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }
  reload(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }

  pull(request: PullRequest, signal: AbortSignal): Promise<string> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const { canonical } = parseReference(request.image);
    const image = this.remote.get(canonical);
    if (image === undefined) return Promise.reject(new EngineError('not-found', `resolve ${canonical}: 404`));
    this.#images.set(image.id, image);
    return Promise.resolve(image.id);
  }

  /** Contents of artifacts' files by image id and path. */
  readonly files = new Map<string, string>();

  readFile(id: string, path: string): Promise<Uint8Array> {
    const text = this.files.get(`${id} ${path}`);
    if (text === undefined) return Promise.reject(new EngineError('not-found', `no file ${path} of ${id}`));
    return Promise.resolve(Buffer.from(text));
  }

  /** Leases by id; true for those in use. */
  readonly leases = new Map<string, boolean>();

  listLeases(): Promise<readonly ListedLease[]> {
    return Promise.resolve([...this.leases].map(([id, isInUse]) => ({ id, isInUse, createdAtMs: 0 })));
  }

  removeLease(id: string): Promise<void> {
    this.leases.delete(id);
    return Promise.resolve();
  }

  get(image: string): Image | undefined {
    return [...this.#images.values()].find(({ id, repoTags, repoDigests }) =>
      [id, id.replace('sha256:', ''), ...repoTags, ...repoDigests].includes(image),
    );
  }

  list(filter: string | undefined): readonly Image[] {
    if (filter === undefined) return [...this.#images.values()];
    const found = this.get(filter);
    return found === undefined ? [] : [found];
  }

  remove(image: string): Promise<void> {
    const found = this.get(image);
    if (found !== undefined) this.#images.delete(found.id);
    return Promise.resolve();
  }

  work(): readonly [] {
    return [];
  }

  fsInfo(): ImageFsInfo {
    return { imageFilesystems: [], containerFilesystems: [] };
  }

  ensureUnpacked(imageId: string, snapshotter: string): Promise<{ readonly chainId: string }> {
    const image = this.get(imageId);
    if (image === undefined)
      return Promise.reject(new EngineError('not-found', `image ${imageId} is not on this node`));
    this.unpacked.push(`${imageId} ${snapshotter}`);
    this.onUnpack();
    return Promise.resolve({ chainId: image.chainId });
  }
}

/** An image whose digests are made up from its name. */
export function fakeImage(name: string, config: Partial<ImageConfig> = {}): Image {
  const digest = (what: string): string =>
    `sha256:${Buffer.from(what + name)
      .toString('hex')
      .padEnd(64, '0')
      .slice(0, 64)}`;
  const id = digest('i');
  return {
    id,
    repoTags: [name],
    repoDigests: [`${name.replace(/:[^/:]*$/, '')}@${digest('m')}`],
    sizeBytes: 1,
    user: {},
    pinned: false,
    config: { ...EMPTY_CONFIG, ...config },
    chainId: digest('c'),
  };
}
