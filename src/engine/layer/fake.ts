import { EngineError } from '../errors.ts';
import type { LayerService, ListedRoot, Mount, PackedLayer, RootRequest, RootUsage } from './index.ts';

/** Layers in memory, for tests of what uses them. Chain ids put into `layers` are unpacked. */
export class FakeLayers implements LayerService {
  /** `snapshotter chainId` of what is unpacked. */
  readonly layers = new Set<string>();
  /** Roots by `snapshotter key`. */
  readonly roots = new Map<string, RootRequest>();

  prepareRoot(request: RootRequest, signal: AbortSignal): Promise<readonly Mount[]> {
    const { key, snapshotter, parent } = request;
    if (!this.layers.has(`${snapshotter} ${parent}`)) {
      return Promise.reject(new EngineError('not-found', `parent snapshot ${parent} does not exist`));
    }
    this.roots.set(`${snapshotter} ${key}`, request);
    return this.mountsOf(key, snapshotter, signal);
  }

  prepareView(request: RootRequest, signal: AbortSignal): Promise<readonly Mount[]> {
    return this.prepareRoot(request, signal);
  }

  removeRoot(key: string, snapshotter: string): Promise<void> {
    this.roots.delete(`${snapshotter} ${key}`);
    return Promise.resolve();
  }

  listRoots(snapshotter: string): Promise<readonly ListedRoot[]> {
    const roots = [...this.roots.values()].filter((root) => root.snapshotter === snapshotter);
    return Promise.resolve(roots.map(({ key, labels }) => ({ key, labels, createdAtMs: 0 })));
  }

  mountsOf(key: string, snapshotter: string, signal: AbortSignal): Promise<readonly Mount[]> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (!this.roots.has(`${snapshotter} ${key}`)) {
      return Promise.reject(new EngineError('not-found', `snapshot ${key} does not exist`));
    }
    return Promise.resolve([{ type: 'bind', source: `/fake/${key}`, options: ['rbind', 'rw'] }]);
  }

  usageOf(key: string, snapshotter: string): Promise<RootUsage> {
    if (this.roots.has(`${snapshotter} ${key}`)) return Promise.resolve({ bytes: 4096, inodes: 1 });
    return Promise.reject(new EngineError('not-found', `snapshot ${key} does not exist`));
  }

  committed(chainId: string, snapshotter: string): Promise<boolean> {
    return Promise.resolve(this.layers.has(`${snapshotter} ${chainId}`));
  }

  discard(chainId: string, snapshotter: string): Promise<boolean> {
    this.layers.delete(`${snapshotter} ${chainId}`);
    return Promise.resolve(true);
  }

  hold(chainId: string, snapshotter: string): Promise<boolean> {
    return this.committed(chainId, snapshotter);
  }

  unpack(layer: PackedLayer): Promise<void> {
    this.layers.add(`${layer.snapshotter} ${layer.chainId}`);
    return Promise.resolve();
  }
}
