import { isDeepStrictEqual } from 'node:util';
import { invalidField } from '../errors.ts';
import type { Image } from '../types/index.ts';
import { imageUser } from './image-config.ts';
import type { IsPinned } from './pinned.ts';
import { IMAGE_FIELD, parseReference, parseSelector } from './reference.ts';
import type { StoredImage } from './stored-image.ts';

/**
 * The images of the node in memory: names → what they lead to → images, which are grouped by id. An Image is frozen, and
 * the same object until something about it changes.
 */
export class ImageTable {
  #isPinned: IsPinned;
  /** What each name of containerd's image store leads to. */
  readonly #names = new Map<string, StoredImage>();
  readonly #byId = new Map<string, { image: Image; stored: StoredImage }>();

  constructor(isPinned: IsPinned) {
    this.#isPinned = isPinned;
  }

  /** Changes which images are pinned. */
  setPinned(isPinned: IsPinned): void {
    this.#isPinned = isPinned;
    for (const id of this.#byId.keys()) this.#rebuild(id);
  }

  /** By reference, digest, id, unique start of an id, or a name as it is. Throws invalid-argument for an ambiguous start. */
  get(text: string): Image | undefined {
    const stored = this.find(text);
    return stored === undefined ? undefined : this.#byId.get(stored.id)?.image;
  }

  /** Like `get`, with all that is known of where the image lies. */
  find(text: string): StoredImage | undefined {
    // Other clients of containerd may name images as they like, but never in the place of a real reference.
    const own = this.#names.get(text);
    try {
      return this.#select(text) ?? own;
    } catch (error) {
      if (own === undefined) throw error;
      return own;
    }
  }

  list(): readonly Image[] {
    return [...this.#byId.values()].map(({ image }) => image);
  }

  /** What a name leads to now. */
  named(name: string): StoredImage | undefined {
    return this.#names.get(name);
  }

  /** All names of an image in containerd's store. */
  namesOf(id: string): readonly string[] {
    return [...this.#names].filter(([, stored]) => stored.id === id).map(([name]) => name);
  }

  set(name: string, stored: StoredImage): void {
    const before = this.#names.get(name);
    this.#names.set(name, stored);
    if (before !== undefined && before.id !== stored.id) this.#rebuild(before.id);
    this.#rebuild(stored.id);
  }

  delete(name: string): void {
    const before = this.#names.get(name);
    if (before === undefined) return;
    this.#names.delete(name);
    this.#rebuild(before.id);
  }

  /** Takes the whole store as it is now. */
  replaceAll(names: ReadonlyMap<string, StoredImage>): void {
    const touched = new Set([...this.#names.values(), ...names.values()].map(({ id }) => id));
    this.#names.clear();
    for (const [name, stored] of names) this.#names.set(name, stored);
    for (const id of touched) this.#rebuild(id);
  }

  #select(text: string): StoredImage | undefined {
    const { reference, digest, idPrefix } = parseSelector(text);
    if (digest !== undefined) return this.#byId.get(digest)?.stored ?? this.#byTarget(digest);
    const referred = reference === undefined ? undefined : this.#names.get(reference.canonical);
    return referred ?? (idPrefix === undefined ? undefined : this.#byPrefix(idPrefix, text));
  }

  #byTarget(digest: string): StoredImage | undefined {
    for (const stored of this.#names.values()) {
      if (stored.path.some(({ descriptor }) => descriptor.digest === digest)) return stored;
    }
    return undefined;
  }

  #byPrefix(prefix: string, text: string): StoredImage | undefined {
    const found = [...this.#byId.values()].filter(({ stored }) => stored.id.startsWith(`sha256:${prefix}`));
    if (found.length > 1) {
      throw invalidField(
        IMAGE_FIELD,
        `${JSON.stringify(text)} is the start of ${found.length} image ids: give more of it`,
      );
    }
    return found[0]?.stored;
  }

  #rebuild(id: string): void {
    const names = [...this.namesOf(id)].sort();
    const stored = names.map((name) => this.#names.get(name)).find((one) => one !== undefined);
    if (stored === undefined) {
      this.#byId.delete(id);
      return;
    }
    const image = toImage(stored, names, this.#isPinned);
    const before = this.#byId.get(id)?.image;
    this.#byId.set(id, { image: before !== undefined && isDeepStrictEqual(before, image) ? before : image, stored });
  }
}

function toImage(stored: StoredImage, names: readonly string[], isPinned: IsPinned): Image {
  const { id, sizeBytes, imageConfig, artifact } = stored;
  const repoTags = names.filter((name) => isCanonical(name) && !name.includes('@'));
  const repoDigests = names.filter((name) => isCanonical(name) && name.includes('@'));
  return Object.freeze({
    id,
    repoTags: Object.freeze(repoTags),
    repoDigests: Object.freeze(repoDigests),
    sizeBytes,
    user: imageUser(imageConfig.user),
    pinned: isPinned([id, ...repoTags, ...repoDigests]),
    config: imageConfig,
    chainId: stored.chainIds.at(-1) ?? '',
    ...(artifact === undefined ? {} : { artifact: Object.freeze(artifact) }),
  });
}

/** Other clients of containerd may name images as they like; only real references are shown as such. */
function isCanonical(name: string): boolean {
  try {
    return parseReference(name).canonical === name;
  } catch {
    return false; // an id, or a name of somebody's own making
  }
}
