import { readBlob } from '../containerd/content.ts';
import type { Clients } from '../containerd/clients.ts';
import { EngineError } from '../errors.ts';
import type { LayerService } from '../layer/index.ts';
import type { Logger } from '../logger.ts';
import { defineOp, runOp } from '../op.ts';
import type { OpObserver } from '../op.ts';
import type { Image, ImageFsInfo, PullRequest } from '../types/index.ts';
import { collectGarbage } from './collect-garbage.ts';
import { credentialsOf } from './credentials.ts';
import { DocumentStore } from './document-store.ts';
import { LayerFetcher } from './fetch-layer.ts';
import { followImages } from './follow-images.ts';
import { FsUsage } from './fs-usage.ts';
import type { ImageObserver, PullWork } from './image-observer.ts';
import { ImagePulls } from './image-pulls.ts';
import { ImageStore } from './image-store.ts';
import { ImageTable } from './image-table.ts';
import type { ImageService } from './index.ts';
import { pinnedBy } from './pinned.ts';
import { MAX_DOCUMENT_BYTES } from './manifest.ts';
import { nodePlatform } from './platform.ts';
import { PullLeases } from './pull-leases.ts';
import type { ListedLease } from './pull-leases.ts';
import { parseReference } from './reference.ts';
import { SharedWork } from './shared-work.ts';
import { TlsSettings } from './tls-settings.ts';
import { ArtifactUnpacker } from './unpack-artifact.ts';
import { unpackStored } from './unpack-stored.ts';
import type { UnpackStoredDeps } from './unpack-stored.ts';
import { verifyImages } from './verify-images.ts';

export interface ImageServiceDeps {
  readonly clients: Pick<Clients, 'content' | 'events' | 'images' | 'introspection' | 'leases' | 'snapshots'>;
  /** containerd's namespace that the clients work in. */
  readonly namespace: string;
  readonly layers: LayerService;
  /** davit's root folder: pulls of another davit on the same containerd are not ours to end. */
  readonly root: string;
  readonly logger: Logger;
  readonly observer: OpObserver;
  readonly options: ImageOptions;
  /** Holds HTTP_PROXY, HTTPS_PROXY and NO_PROXY, where they are set: process.env. */
  readonly env: NodeJS.ProcessEnv;
  /** process.arch. */
  readonly arch: string;
  readonly reports?: ImageObserver;
}

export interface ImageOptions {
  /** Folders in containerd's `certs.d` layout; the first that knows a host wins. */
  readonly registryConfigPath: readonly string[];
  /** Names of images that the kubelet must not collect; `*` stands for anything. */
  readonly pinned: readonly string[];
  readonly maxConcurrentDownloads: number;
  readonly progressTimeoutMs: number;
  /** Whether what is no image, but files, is pulled too. */
  readonly artifacts: boolean;
  /** The snapshotters that handlers use; pulls unpack for the first. */
  readonly snapshotters: readonly [string, ...string[]];
}

export const REMOVE_IMAGE = defineOp('remove-image', ['remove-names', 'collect-garbage']);

const REMOVE_DEADLINE_MS = 2 * 60_000;

/** Throws invalid-argument when a pinned pattern is no name. */
export function createImageService(deps: ImageServiceDeps): ImageService {
  return new Images(deps);
}

class Images implements ImageService {
  readonly name = 'images';
  readonly #deps: ImageServiceDeps;
  readonly #table: ImageTable;
  readonly #store: ImageStore;
  readonly #usage: FsUsage;
  readonly #leases: PullLeases;
  readonly #fetcher: LayerFetcher;
  readonly #unpackDeps: UnpackStoredDeps;
  readonly #pulls: ImagePulls;
  readonly #unpacks = new SharedWork<void>();
  readonly #stop = new AbortController();
  #options: ImageOptions;
  #following: Promise<void> | undefined;

  constructor(deps: ImageServiceDeps) {
    const { clients, layers, logger, options, env } = deps;
    this.#deps = deps;
    this.#options = options;
    const platform = nodePlatform(deps.arch);
    this.#table = new ImageTable(pinnedBy(options.pinned));
    this.#store = new ImageStore({ clients, table: this.#table, platform, logger });
    this.#usage = new FsUsage({ clients, logger, snapshotters: options.snapshotters });
    this.#leases = new PullLeases({ clients, root: deps.root, logger });
    this.#fetcher = new LayerFetcher({ clients, maxConcurrent: options.maxConcurrentDownloads });
    this.#unpackDeps = {
      clients,
      layers,
      documents: new DocumentStore({ clients }),
      artifacts: new ArtifactUnpacker({ clients, layers, logger }),
      leases: this.#leases,
    };
    this.#pulls = new ImagePulls({
      pullDeps: {
        ...this.#unpackDeps,
        observer: deps.observer,
        fetcher: this.#fetcher,
        registry: {
          configPath: () => this.#options.registryConfigPath,
          warn: (message) => logger.warn({}, message),
          tls: new TlsSettings(),
          env,
        },
        record: (reference, image, signal) => this.#store.record(reference, image, signal),
      },
      platform,
      logger,
      reports: deps.reports,
      options: () => this.#options,
      pulled: () => void this.#usage.refresh(),
      stop: this.#stop.signal,
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    if (this.#following !== undefined) return;
    await this.#leases.adopt(signal);
    await this.#store.resync(signal);
    this.#usage.start();
    const { clients, namespace, logger } = this.#deps;
    const resync = (ended: AbortSignal): Promise<void> => this.#store.resync(ended);
    this.#following = followImages({ clients, namespace, logger, resync }, this.#stop.signal);
  }

  reload(changes: Omit<ImageOptions, 'snapshotters'>): void {
    const isPinned = pinnedBy(changes.pinned);
    this.#options = { ...this.#options, ...changes };
    this.#table.setPinned(isPinned);
    this.#fetcher.setMaxConcurrent(changes.maxConcurrentDownloads);
  }

  async close(): Promise<void> {
    const reason = new EngineError('cancelled', 'davitd is stopping');
    this.#stop.abort(reason);
    await Promise.all([this.#pulls.abortAll(reason), this.#unpacks.abortAll(reason), this.#following]);
    await this.#usage.close();
    this.#leases.close();
  }

  async pull(request: PullRequest, signal: AbortSignal): Promise<string> {
    const reference = parseReference(request.image);
    const credentials = credentialsOf(request.auth);
    const { sandbox } = request;
    const pod = sandbox === undefined ? {} : { pod: `${sandbox.namespace}/${sandbox.name}` };
    this.#deps.logger.debug({ image: reference.canonical, ...pod }, 'pull asked for');
    const image = await this.#pulls.join(reference, credentials, signal);
    return image.id;
  }

  get(image: string): Image | undefined {
    return this.#table.get(image);
  }

  list(filter: string | undefined): readonly Image[] {
    if (filter === undefined || filter === '') return this.#table.list();
    const found = this.#table.get(filter);
    return found === undefined ? [] : [found];
  }

  async remove(image: string, signal: AbortSignal): Promise<void> {
    const found = this.#table.find(image);
    if (found === undefined) return;
    const context = { subject: { image: found.id }, signal, observer: this.#deps.observer };
    await runOp(REMOVE_IMAGE, context, async (step) => {
      await step('remove-names', {
        deadlineMs: REMOVE_DEADLINE_MS,
        do: (by) => this.#store.remove(found.id, by),
      });
      await step('collect-garbage', { deadlineMs: REMOVE_DEADLINE_MS, do: (by) => collectGarbage(this.#deps, by) });
    });
    this.#deps.logger.info({ image, id: found.id }, 'image removed');
    this.#deps.reports?.removed({ id: found.id, reference: image });
    void this.#usage.refresh();
  }

  async verify(signal: AbortSignal): Promise<readonly string[]> {
    const { clients, layers, logger, options } = this.#deps;
    const { removed } = await verifyImages(
      {
        clients,
        layers,
        logger,
        snapshotters: options.snapshotters,
        images: () => this.#table.list().flatMap(({ id }) => this.#table.find(id) ?? []),
        remove: (id, by) => this.#store.remove(id, by),
      },
      AbortSignal.any([signal, this.#stop.signal]),
    );
    if (removed.length > 0) void this.#usage.refresh();
    return removed;
  }

  work(): readonly PullWork[] {
    return this.#pulls.work();
  }

  fsInfo(): ImageFsInfo {
    return this.#usage.info;
  }

  listLeases(signal: AbortSignal): Promise<readonly ListedLease[]> {
    return this.#leases.list(signal);
  }

  removeLease(id: string, signal: AbortSignal): Promise<void> {
    return this.#leases.remove(id, signal);
  }

  async readFile(id: string, path: string, signal: AbortSignal): Promise<Uint8Array> {
    const file = this.#table.find(id)?.artifact?.files.find((one) => one.path === path);
    if (file === undefined) throw new EngineError('not-found', `no file ${path} of artifact ${id} is on this node`);
    if (file.size === 0) return new Uint8Array();
    return await readBlob(this.#deps.clients.content, file.digest, MAX_DOCUMENT_BYTES, { signal });
  }

  async ensureUnpacked(
    imageId: string,
    snapshotter: string,
    signal: AbortSignal,
  ): Promise<{ readonly chainId: string }> {
    const image = this.#table.find(imageId);
    if (image === undefined) throw new EngineError('not-found', `image ${imageId} is not on this node; pull it first`);
    const chainId = image.chainIds.at(-1) ?? '';
    if (!(await this.#deps.layers.committed(chainId, snapshotter, signal))) {
      await this.#unpacks.join(`${image.id} ${snapshotter}`, signal, (ended) =>
        unpackStored(this.#unpackDeps, image, snapshotter, AbortSignal.any([ended, this.#stop.signal])),
      );
    }
    return { chainId };
  }
}
