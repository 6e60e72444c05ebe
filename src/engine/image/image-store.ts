import type { CallOptions } from '../containerd/call.ts';
import type { Clients } from '../containerd/clients.ts';
import { isKind, messageOf } from '../errors.ts';
import { KeyedMutex } from '../keyed-mutex.ts';
import type { Logger } from '../logger.ts';
import type { ImageTable } from './image-table.ts';
import type { Descriptor } from './manifest.ts';
import type { Platform } from './platform.ts';
import type { Reference } from './reference.ts';
import { documentsIn, openImage } from './stored-image.ts';
import type { StoredImage } from './stored-image.ts';

export interface ImageStoreDeps {
  readonly clients: Pick<Clients, 'content' | 'images'>;
  readonly table: ImageTable;
  readonly platform: Platform;
  readonly logger: Logger;
}

/** Marks image records that davit made. The image's own labels are never put on containerd's objects. */
const MANAGED_LABEL = 'davit.image';
const MANAGED = 'managed';
/** There is one table: changes of it, and the changes of containerd's records that they mirror, follow each other. */
const TABLE = 'table';
/** One call that stands still must not hold up every other change for ever. */
const CALL_DEADLINE_MS = 30_000;

/** containerd's image records and the table in memory, changed together. */
export class ImageStore {
  readonly #deps: ImageStoreDeps;
  readonly #changes = new KeyedMutex<typeof TABLE>();
  /** Names that lead to nothing usable, with their targets, so that each is told of once. */
  readonly #unusable = new Map<string, string>();

  constructor(deps: ImageStoreDeps) {
    this.#deps = deps;
  }

  /** Records an image under its id, its digest and, last, the reference that was asked for. */
  record(reference: Reference, image: StoredImage, signal: AbortSignal): Promise<void> {
    const names = new Set([image.id, `${reference.name}@${image.target.digest}`, reference.canonical]);
    return this.#changes.run(TABLE, signal, async () => {
      for (const name of names) {
        await this.#put(name, image.target, signal);
        this.#deps.table.set(name, image);
      }
    });
  }

  /** Removes all names of an image. What it alone needed goes with containerd's next garbage collection. */
  remove(id: string, signal: AbortSignal): Promise<void> {
    return this.#changes.run(TABLE, signal, async () => {
      for (const name of this.#deps.table.namesOf(id)) {
        await this.#deps.clients.images.delete({ name }, this.#call(signal)).catch(ignoreMissing);
        this.#deps.table.delete(name);
      }
    });
  }

  /** Takes over what containerd has now: other clients may have added, moved or removed names. */
  resync(signal: AbortSignal): Promise<void> {
    return this.#changes.run(TABLE, signal, async () => {
      const { images } = await this.#deps.clients.images.list({ filters: [] }, this.#call(signal));
      const names = new Map<string, StoredImage>();
      const opened = new Map<string, StoredImage | undefined>();
      for (const { name, target } of images) {
        if (target === null) continue;
        const { mediaType, digest, size } = target;
        const known = this.#deps.table.named(name);
        if (known?.target.digest === digest) opened.set(digest, known);
        if (!opened.has(digest)) {
          opened.set(digest, await this.#open(name, { mediaType, digest, size: size.toNumber() }, signal));
        }
        const stored = opened.get(digest);
        if (stored !== undefined) names.set(name, stored);
      }
      this.#forgetUnusable(new Set(images.map(({ name }) => name)));
      this.#deps.table.replaceAll(names);
    });
  }

  async #put(name: string, target: Descriptor, signal: AbortSignal): Promise<void> {
    const { images } = this.#deps.clients;
    const image = { name, target, labels: { [MANAGED_LABEL]: MANAGED } };
    try {
      await images.create({ image }, this.#call(signal));
      return;
    } catch (error) {
      if (!isKind(error, 'already-exists')) throw error;
    }
    const { image: before } = await images.get({ name }, this.#call(signal));
    if (before?.target?.digest === target.digest && before.labels[MANAGED_LABEL] === MANAGED) return;
    await images.update({ image, updateMask: { paths: ['target', `labels.${MANAGED_LABEL}`] } }, this.#call(signal));
  }

  /** One image that cannot be read must not hide the others. */
  async #open(name: string, target: Descriptor, signal: AbortSignal): Promise<StoredImage | undefined> {
    try {
      return await openImage(target, name, this.#deps.platform, documentsIn(this.#deps.clients), signal);
    } catch (error) {
      if (isKind(error, 'unavailable') || isKind(error, 'cancelled')) throw error;
      if (this.#unusable.get(name) !== target.digest) {
        this.#unusable.set(name, target.digest);
        this.#deps.logger.warn({ image: name, error: messageOf(error) }, 'an image of containerd is not shown');
      }
      return undefined;
    }
  }

  #call(signal: AbortSignal): CallOptions {
    return { signal, deadlineMs: CALL_DEADLINE_MS };
  }

  #forgetUnusable(names: ReadonlySet<string>): void {
    for (const name of this.#unusable.keys()) if (!names.has(name)) this.#unusable.delete(name);
  }
}

function ignoreMissing(error: unknown): void {
  if (!isKind(error, 'not-found')) throw error;
}
