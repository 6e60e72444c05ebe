import { createHash, randomBytes } from 'node:crypto';
import { openContentWriter } from '../containerd/content.ts';
import type { Clients } from '../containerd/clients.ts';
import { EngineError, isKind, withContext } from '../errors.ts';
import { KeyedMutex } from '../keyed-mutex.ts';
import type { LayerService } from '../layer/index.ts';
import type { Logger } from '../logger.ts';
import { ARCHIVE_END, memberHeader, padding } from './archive.ts';
import { foldersOf } from './artifact-manifest.ts';
import type { ArtifactFile } from './artifact-manifest.ts';
import type { StoredArtifact } from './stored-image.ts';

export interface ArtifactUnpackerDeps {
  readonly clients: Pick<Clients, 'content'>;
  readonly layers: Pick<LayerService, 'hold' | 'unpack'>;
  readonly logger: Logger;
}

export interface UnpackArtifactRequest {
  readonly artifact: StoredArtifact;
  /** The name of the snapshot. */
  readonly snapshot: string;
  readonly snapshotter: string;
  readonly lease: string;
}

const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';
/** What is sent to containerd at once. */
const WRITE_BYTES = 1024 * 1024;
const NONCE_BYTES = 12;
const DELETE_DEADLINE_MS = 10_000;

/**
 * Makes a snapshot of an artifact's files, so that they are mounted, kept and collected as an image's layers are. The
 * snapshotter is given one layer, an archive that is written for it: whatever snapshotter it is, containerd unpacks it.
 */
export class ArtifactUnpacker {
  readonly #deps: ArtifactUnpackerDeps;
  /** Two pulls of one artifact, by two of its names, write one archive. */
  readonly #unpacking = new KeyedMutex<string>();

  constructor(deps: ArtifactUnpackerDeps) {
    this.#deps = deps;
  }

  /** The blobs are in the content store, and the lease holds them. Does nothing when the snapshot is there. */
  async unpack(request: UnpackArtifactRequest, signal: AbortSignal): Promise<void> {
    const { snapshot, snapshotter, lease } = request;
    await this.#unpacking.run(`${snapshotter} ${snapshot}`, signal, async () => {
      if (await this.#deps.layers.hold(snapshot, snapshotter, lease, signal)) return;
      const archive = await this.#write(request, signal);
      try {
        const blob = { mediaType: LAYER_TYPE, ...archive };
        const layer = { snapshotter, parent: '', chainId: snapshot, diffId: archive.digest, blob };
        await this.#deps.layers.unpack(layer, lease, signal);
      } finally {
        await this.#delete(archive.digest);
      }
    });
  }

  async #write(
    { artifact, snapshot, lease }: UnpackArtifactRequest,
    signal: AbortSignal,
  ): Promise<{ readonly digest: string; readonly size: number }> {
    const hash = createHash('sha256');
    let size = 0;
    const ref = `${snapshot}-${randomBytes(NONCE_BYTES).toString('hex')}`;
    try {
      await using writer = await openContentWriter(this.#deps.clients.content, { ref }, { signal, lease });
      for await (const batch of batches(this.#archive(artifact.files, signal))) {
        hash.update(batch);
        size += batch.length;
        await writer.write(batch);
      }
      const digest = `sha256:${hash.digest('hex')}`;
      await writer.commit({ size, digest });
      return { digest, size };
    } catch (error) {
      await this.#giveUp(ref);
      throw withContext(error, 'write the archive of an artifact');
    }
  }

  async *#archive(files: readonly ArtifactFile[], signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    // Nobody else's blob may ever be this one: it is deleted when it has served.
    const comment = randomBytes(NONCE_BYTES).toString('hex');
    yield memberHeader({ type: 'folder', path: '.', size: 0, comment });
    const folders = new Set<string>();
    for (const file of files) {
      for (const path of foldersOf(file.path)) {
        if (folders.has(path)) continue;
        folders.add(path);
        yield memberHeader({ type: 'folder', path, size: 0, comment });
      }
      yield memberHeader({ type: 'file', path: file.path, size: file.size, comment });
      yield* this.#content(file, signal);
      yield padding(file.size);
    }
    yield ARCHIVE_END;
  }

  async *#content({ digest, size }: ArtifactFile, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    if (size === 0) return;
    let read = 0;
    for await (const { data } of this.#deps.clients.content.read({ digest }, { signal })) {
      read += data.length;
      yield data;
    }
    if (read === size) return;
    throw new EngineError('data-loss', `${digest} has ${read} bytes, and the manifest says ${size}`);
  }

  /** What was written goes with the lease at the latest. */
  async #giveUp(ref: string): Promise<void> {
    const signal = AbortSignal.timeout(DELETE_DEADLINE_MS);
    await this.#deps.clients.content.abort({ ref }, { signal }).catch(() => undefined);
  }

  async #delete(digest: string): Promise<void> {
    const signal = AbortSignal.timeout(DELETE_DEADLINE_MS);
    await this.#deps.clients.content.delete({ digest }, { signal }).catch((error: unknown) => {
      if (isKind(error, 'not-found')) return;
      this.#deps.logger.warn({ blob: digest, error: String(error) }, 'an archive goes only with the next collection');
    });
  }
}

async function* batches(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const part of parts) {
    waiting.push(part);
    size += part.length;
    if (size < WRITE_BYTES) continue;
    yield Buffer.concat(waiting, size);
    waiting = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(waiting, size);
}
