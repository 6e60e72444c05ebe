import type { Clients } from '../containerd/clients.ts';
import type { types } from '../containerd/generated/containerd.js';
import { OWNER_LABEL, ownerFilter } from '../containerd/owner-label.ts';
import { nanosOf } from '../containerd/timestamp.ts';
import { isKind } from '../errors.ts';
import { KeyedMutex } from '../keyed-mutex.ts';
import type { LayerService, ListedRoot, Mount, PackedLayer, RootRequest, RootUsage } from './index.ts';
import { unpackLayer } from './unpack-layer.ts';

export interface LayerDeps {
  /** davit's root folder, which tells its roots from another davit's. */
  readonly root: string;
  readonly clients: Pick<Clients, 'content' | 'diff' | 'leases' | 'snapshots'>;
}

/** Keeps a snapshot from containerd's garbage collector; the value is a time that nobody reads. */
const GC_ROOT_LABEL = 'containerd.io/gc.root';

const NANOS_PER_MS = 1_000_000n;

/** By these a snapshotter knows the ids of a root; first in the container, first on the node, how many. */
const UID_MAP_LABEL = 'containerd.io/snapshot/uidmapping';
const GID_MAP_LABEL = 'containerd.io/snapshot/gidmapping';

export function createLayerService(deps: LayerDeps): LayerService {
  return new Layers(deps);
}

/** Turns mounts as containerd sends them into plain values. */
export function mountsFrom(mounts: readonly types.Mount[]): readonly Mount[] {
  return mounts.map(({ type, source, target, options }) => ({
    type,
    source,
    options,
    ...(target === '' ? {} : { target }),
  }));
}

function mapLabels({ idMap }: RootRequest): Record<string, string> {
  if (idMap === undefined) return {};
  const map = `0:${idMap.hostId}:${idMap.length}`;
  return { [UID_MAP_LABEL]: map, [GID_MAP_LABEL]: map };
}

function rootName({ key, snapshotter }: Pick<RootRequest, 'key' | 'snapshotter'>): string {
  return `${snapshotter} ${key}`;
}

class Layers implements LayerService {
  readonly #deps: LayerDeps;
  /** Two pulls that share layers unpack each of them once. */
  readonly #unpacking = new KeyedMutex<string>();
  /** How to mount the roots made since davitd started: it does not change while a root lives. */
  readonly #mounts = new Map<string, readonly Mount[]>();

  constructor(deps: LayerDeps) {
    this.#deps = deps;
  }

  async prepareRoot(request: RootRequest, signal: AbortSignal): Promise<readonly Mount[]> {
    const mounts = await this.#make('prepare', request, signal);
    this.#mounts.set(rootName(request), mounts);
    return mounts;
  }

  async prepareView(request: RootRequest, signal: AbortSignal): Promise<readonly Mount[]> {
    return await this.#make('view', request, signal);
  }

  async #make(kind: 'prepare' | 'view', request: RootRequest, signal: AbortSignal): Promise<readonly Mount[]> {
    const { key, snapshotter, parent } = request;
    const labels = {
      ...request.labels,
      ...mapLabels(request),
      [OWNER_LABEL]: this.#deps.root,
      [GC_ROOT_LABEL]: new Date().toISOString(),
    };
    try {
      const { mounts } = await this.#deps.clients.snapshots[kind]({ key, snapshotter, parent, labels }, { signal });
      return mountsFrom(mounts);
    } catch (error) {
      if (!isKind(error, 'already-exists')) throw error;
      const { info } = await this.#deps.clients.snapshots.stat({ key, snapshotter }, { signal });
      if (info?.parent !== parent) throw error;
      return this.mountsOf(key, snapshotter, signal);
    }
  }

  async removeRoot(key: string, snapshotter: string, signal: AbortSignal): Promise<void> {
    this.#mounts.delete(rootName({ key, snapshotter }));
    try {
      await this.#deps.clients.snapshots.remove({ key, snapshotter }, { signal });
    } catch (error) {
      if (!isKind(error, 'not-found')) throw error;
    }
  }

  async listRoots(snapshotter: string, signal: AbortSignal): Promise<readonly ListedRoot[]> {
    const filters = [ownerFilter(this.#deps.root)];
    const found: ListedRoot[] = [];
    for await (const { info } of this.#deps.clients.snapshots.list({ snapshotter, filters }, { signal })) {
      for (const { name, labels, createdAt } of info) {
        found.push({ key: name, labels, createdAtMs: Number(nanosOf(createdAt) / NANOS_PER_MS) });
      }
    }
    return found;
  }

  async mountsOf(key: string, snapshotter: string, signal: AbortSignal): Promise<readonly Mount[]> {
    const known = this.#mounts.get(rootName({ key, snapshotter }));
    if (known !== undefined) return known;
    const { mounts } = await this.#deps.clients.snapshots.mounts({ key, snapshotter }, { signal });
    return mountsFrom(mounts);
  }

  async usageOf(key: string, snapshotter: string, signal: AbortSignal): Promise<RootUsage> {
    const { size, inodes } = await this.#deps.clients.snapshots.usage({ key, snapshotter }, { signal });
    return { bytes: size.toNumber(), inodes: inodes.toNumber() };
  }

  async committed(chainId: string, snapshotter: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#deps.clients.snapshots.stat({ key: chainId, snapshotter }, { signal });
      return true;
    } catch (error) {
      if (isKind(error, 'not-found')) return false;
      throw error;
    }
  }

  async discard(chainId: string, snapshotter: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#deps.clients.snapshots.remove({ key: chainId, snapshotter }, { signal });
      return true;
    } catch (error) {
      if (isKind(error, 'failed-precondition')) return false;
      if (isKind(error, 'not-found')) return true;
      throw error;
    }
  }

  async hold(chainId: string, snapshotter: string, lease: string, signal: AbortSignal): Promise<boolean> {
    if (!(await this.committed(chainId, snapshotter, signal))) return false;
    const resource = { id: chainId, type: `snapshots/${snapshotter}` };
    await this.#deps.clients.leases.addResource({ id: lease, resource }, { signal });
    // Looked at once more: the collector may have been faster than the lease.
    return await this.committed(chainId, snapshotter, signal);
  }

  async unpack(layer: PackedLayer, lease: string, signal: AbortSignal): Promise<void> {
    const { snapshotter, chainId } = layer;
    await this.#unpacking.run(`${snapshotter} ${chainId}`, signal, async () => {
      if (await this.hold(chainId, snapshotter, lease, signal)) return;
      await unpackLayer(this.#deps, layer, { lease, signal });
    });
  }
}
