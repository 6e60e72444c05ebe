import { stat } from 'node:fs/promises';
import { nowNanos } from '../clock.ts';
import type { Clients } from '../containerd/clients.ts';
import { snapshots } from '../containerd/generated/containerd.js';
import { isKind, messageOf } from '../errors.ts';
import { snapshotterFolders } from '../layer/index.ts';
import type { Logger } from '../logger.ts';
import type { FilesystemUsage, ImageFsInfo } from '../types/index.ts';

export interface FsUsageDeps {
  readonly clients: Pick<Clients, 'content' | 'introspection' | 'snapshots'>;
  readonly logger: Logger;
  /** The snapshotters that handlers use, the default one first. */
  readonly snapshotters: readonly string[];
}

interface Usage {
  readonly bytes: number;
  readonly inodes: number;
}

const SAMPLE_INTERVAL_MS = 30_000;
const SAMPLE_DEADLINE_MS = 5 * 60_000;
/** stat(2) counts in these, whatever the file system's own blocks are. */
const BLOCK_BYTES = 512;

/**
 * What images and containers take on disk, sampled in the background: the kubelet asks often, and adding up means asking
 * containerd for every snapshot. A committed snapshot never changes, so it is asked for once.
 */
export class FsUsage {
  readonly #deps: FsUsageDeps;
  readonly #stop = new AbortController();
  readonly #committed = new Map<string, Usage>();
  #info: ImageFsInfo = { imageFilesystems: [], containerFilesystems: [] };
  #timer: NodeJS.Timeout | undefined;
  #sampling: Promise<void> | undefined;

  constructor(deps: FsUsageDeps) {
    this.#deps = deps;
  }

  get info(): ImageFsInfo {
    return this.#info;
  }

  /** Begins to take samples. The first takes as long as there are files in containers' roots: nobody waits for it. */
  start(): void {
    this.#timer ??= setInterval(() => void this.refresh(), SAMPLE_INTERVAL_MS).unref();
    void this.refresh();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.#sampling;
  }

  /** Takes a sample now, or joins the one that is being taken. Never rejects: the last good sample stays. */
  refresh(): Promise<void> {
    this.#sampling ??= this.#sample()
      .catch((error: unknown) => {
        // While containerd is away everything says so; the last sample stays.
        if (this.#stop.signal.aborted || isKind(error, 'unavailable')) return;
        this.#deps.logger.warn({ error: messageOf(error) }, 'the disk usage of images could not be read');
      })
      .finally(() => {
        this.#sampling = undefined;
      });
    return this.#sampling;
  }

  async #sample(): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(SAMPLE_DEADLINE_MS)]);
    const folders = await snapshotterFolders(this.#deps.clients, signal);
    const content = await this.#contentUsage(signal);
    const images: FilesystemUsage[] = [];
    const containers: FilesystemUsage[] = [];
    for (const [i, name] of this.#deps.snapshotters.entries()) {
      const mountpoint = folders.get(name);
      if (mountpoint === undefined) continue;
      const own = await ownUsage(mountpoint);
      const { committed, active } = await this.#snapshotUsage(name, signal);
      // Packed layers count as images: they go with them.
      const parts = i === 0 ? [own, committed, content] : [own, committed];
      images.push(toFilesystem(mountpoint, parts));
      containers.push(toFilesystem(mountpoint, [own, active]));
    }
    this.#info = { imageFilesystems: images, containerFilesystems: containers };
  }

  async #contentUsage(signal: AbortSignal): Promise<Usage> {
    let bytes = 0;
    let inodes = 0;
    for await (const { info } of this.#deps.clients.content.list({ filters: [] }, { signal })) {
      inodes += info.length;
      bytes += info.reduce((sum, { size }) => sum + size.toNumber(), 0);
    }
    const { statuses } = await this.#deps.clients.content.listStatuses({ filters: [] }, { signal });
    return {
      inodes: inodes + statuses.length,
      bytes: statuses.reduce((sum, { offset }) => sum + offset.toNumber(), bytes),
    };
  }

  async #snapshotUsage(snapshotter: string, signal: AbortSignal): Promise<{ committed: Usage; active: Usage }> {
    const committed: Usage[] = [];
    const active: Usage[] = [];
    const seen = new Set<string>();
    for await (const { info } of this.#deps.clients.snapshots.list({ snapshotter, filters: [] }, { signal })) {
      for (const { name, kind } of info) {
        seen.add(`${snapshotter} ${name}`);
        if (kind === snapshots.Kind.COMMITTED) committed.push(await this.#committedUsage(snapshotter, name, signal));
        else active.push(await this.#usage(snapshotter, name, signal));
      }
    }
    for (const key of this.#committed.keys()) {
      if (key.startsWith(`${snapshotter} `) && !seen.has(key)) this.#committed.delete(key);
    }
    return { committed: total(committed), active: total(active) };
  }

  async #committedUsage(snapshotter: string, name: string, signal: AbortSignal): Promise<Usage> {
    const key = `${snapshotter} ${name}`;
    const known = this.#committed.get(key) ?? (await this.#usage(snapshotter, name, signal));
    this.#committed.set(key, known);
    return known;
  }

  async #usage(snapshotter: string, key: string, signal: AbortSignal): Promise<Usage> {
    try {
      const { size, inodes } = await this.#deps.clients.snapshots.usage({ snapshotter, key }, { signal });
      return { bytes: size.toNumber(), inodes: inodes.toNumber() };
    } catch (error) {
      if (isKind(error, 'not-found')) return { bytes: 0, inodes: 0 }; // removed since the list was read
      throw error;
    }
  }
}

/** What the snapshotter's folder itself takes: a node without images has used something too. */
async function ownUsage(folder: string): Promise<Usage> {
  const { blocks } = await stat(folder);
  return { bytes: blocks * BLOCK_BYTES, inodes: 1 };
}

function toFilesystem(mountpoint: string, parts: readonly Usage[]): FilesystemUsage {
  const { bytes, inodes } = total(parts);
  return Object.freeze({ mountpoint, usedBytes: bytes, inodesUsed: inodes, timestamp: nowNanos() });
}

function total(parts: readonly Usage[]): Usage {
  return parts.reduce((sum, { bytes, inodes }) => ({ bytes: sum.bytes + bytes, inodes: sum.inodes + inodes }), {
    bytes: 0,
    inodes: 0,
  });
}
