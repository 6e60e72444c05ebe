import { readBlob, openContentWriter } from '../containerd/content.ts';
import type { Clients } from '../containerd/clients.ts';
import { EngineError, isKind } from '../errors.ts';
import { KeyedMutex } from '../keyed-mutex.ts';
import { MAX_DOCUMENT_BYTES } from './manifest.ts';
import type { Descriptor } from './manifest.ts';
import { SNAPSHOT_REF_LABEL } from './stored-image.ts';
import type { PathStep } from './stored-image.ts';

export interface DocumentStoreDeps {
  readonly clients: Pick<Clients, 'content' | 'leases'>;
}

/** Manifests, indexes and configs in containerd's content store, and the labels that tell what each of them needs. */
export class DocumentStore {
  readonly #deps: DocumentStoreDeps;
  /** containerd lets one writer at a time write a blob. */
  readonly #writing = new KeyedMutex<string>();

  constructor(deps: DocumentStoreDeps) {
    this.#deps = deps;
  }

  /** The bytes from the store, else from `fetch`, which checks their digest. The lease holds them from then on. */
  async obtain(
    descriptor: Descriptor,
    lease: string,
    fetch: () => Promise<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { digest } = descriptor;
    await this.hold(digest, lease, signal);
    const stored = await this.#read(digest, signal);
    const bytes = stored ?? (await fetch());
    if (bytes.length !== descriptor.size) {
      throw new EngineError(
        'data-loss',
        `${digest} has ${bytes.length} bytes, and the registry says ${descriptor.size}`,
      );
    }
    if (stored !== undefined) return stored;
    await this.#writing.run(digest, signal, () => this.#write(digest, bytes, lease, signal));
    return bytes;
  }

  /** Keeps a blob, and what its labels refer to, for as long as the lease is there. It need not exist yet. */
  async hold(digest: string, lease: string, signal: AbortSignal): Promise<void> {
    await this.#deps.clients.leases.addResource({ id: lease, resource: { id: digest, type: 'content' } }, { signal });
  }

  /** Says what each document on the way to an image needs: containerd's collector keeps exactly that. */
  async label(path: readonly PathStep[], signal: AbortSignal): Promise<void> {
    for (const { descriptor, children } of path) await this.#update(descriptor.digest, children, signal);
  }

  /** Ties what was unpacked to a document of its image, so that it lives as long. */
  async labelSnapshot(holder: string, snapshotter: string, chainId: string, signal: AbortSignal): Promise<void> {
    await this.#update(holder, { [`${SNAPSHOT_REF_LABEL}.${snapshotter}`]: chainId }, signal);
  }

  async #read(digest: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    try {
      return await readBlob(this.#deps.clients.content, digest, MAX_DOCUMENT_BYTES, { signal });
    } catch (error) {
      if (isKind(error, 'not-found')) return undefined;
      throw error;
    }
  }

  async #write(digest: string, bytes: Uint8Array, lease: string, signal: AbortSignal): Promise<void> {
    const target = { ref: `document-${digest}`, total: bytes.length, expected: digest };
    try {
      await using writer = await openContentWriter(this.#deps.clients.content, target, { signal, lease });
      writer.restart();
      await writer.write(bytes);
      await writer.commit({ size: bytes.length, digest });
    } catch (error) {
      if (!isKind(error, 'already-exists')) throw error;
    }
  }

  async #update(digest: string, labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    const { info } = await this.#deps.clients.content.info({ digest }, { signal });
    const missing = Object.entries(labels).filter(([key, value]) => info?.labels[key] !== value);
    if (missing.length === 0) return;
    const paths = missing.map(([key]) => `labels.${key}`);
    const change = { info: { digest, labels: Object.fromEntries(missing) }, updateMask: { paths } };
    await this.#deps.clients.content.update(change, { signal });
  }
}
