import { setTimeout as sleep } from 'node:timers/promises';
import { openContentWriter } from '../containerd/content.ts';
import type { ContentWriter } from '../containerd/content.ts';
import type { Clients } from '../containerd/clients.ts';
import { EngineError, isKind, messageOf, withContext } from '../errors.ts';
import { within } from '../rollback.ts';
import { DownloadPlaces } from './download-places.ts';
import type { DownloadPlace } from './download-places.ts';
import type { Descriptor } from './manifest.ts';
import type { PullProgress } from './pull-progress.ts';
import { isTransient } from './registry.ts';
import type { BlobStream, Registry } from './registry.ts';

export interface LayerFetcherDeps {
  readonly clients: Pick<Clients, 'content'>;
  /** Downloads at once, over all pulls. */
  readonly maxConcurrent: number;
}

/** The pull that wants a layer. */
export interface FetchContext {
  readonly registry: Pick<Registry, 'openBlob'>;
  readonly lease: string;
  readonly progress: PullProgress;
}

/** What is sent to containerd at once: larger writes bring nothing, smaller ones cost calls. */
const WRITE_BYTES = 1024 * 1024;
/** Tries in a row that may bring no byte. */
const MAX_IDLE_TRIES = 5;
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 3_000;
const ABORT_DEADLINE_MS = 10_000;

/**
 * Brings layers into containerd's content store. What one pull fetches, others wait for; what broke off goes on where it
 * stopped, within a pull and across pulls. One that stalls keeps no other from being fetched.
 */
export class LayerFetcher {
  readonly #deps: LayerFetcherDeps;
  readonly #places: DownloadPlaces;
  readonly #running = new Map<string, Promise<void>>();

  constructor(deps: LayerFetcherDeps) {
    this.#deps = deps;
    this.#places = new DownloadPlaces(deps.maxConcurrent);
  }

  /** From now on; downloads that have begun go on. */
  setMaxConcurrent(downloads: number): void {
    this.#places.setCount(downloads);
  }

  /** Resolves when the layer is in the store. The caller has made sure that it will not be collected. */
  async fetch(layer: Descriptor, context: FetchContext, signal: AbortSignal): Promise<void> {
    for (;;) {
      if (await this.#isThere(layer, signal)) break;
      const running = this.#running.get(layer.digest);
      if (running === undefined) {
        await this.#own(layer, context, signal);
        break;
      }
      // If the other pull fails, for whatever reason of its own, this one tries with its own rights.
      await within(
        signal,
        running.catch(() => undefined),
      );
    }
    context.progress.layerDone(layer.digest, layer.size);
  }

  async #own(layer: Descriptor, context: FetchContext, signal: AbortSignal): Promise<void> {
    const work = this.#download(layer, context, signal);
    this.#running.set(layer.digest, work);
    try {
      await work;
    } finally {
      this.#running.delete(layer.digest);
    }
  }

  async #isThere(layer: Descriptor, signal: AbortSignal): Promise<boolean> {
    try {
      const { info } = await this.#deps.clients.content.info({ digest: layer.digest }, { signal });
      if (info?.size.toNumber() === layer.size) return true;
      const message = `the manifest says that ${layer.digest} has ${layer.size} bytes; it has ${info?.size.toString() ?? '?'}`;
      throw new EngineError('data-loss', message);
    } catch (error) {
      if (isKind(error, 'not-found')) return false;
      throw error;
    }
  }

  async #download(layer: Descriptor, context: FetchContext, signal: AbortSignal): Promise<void> {
    const position = { bytes: -1 };
    using place = this.#places.forOne();
    for (let idleTries = 0; ; idleTries++) {
      const before = position.bytes;
      await place.take(signal);
      try {
        return await this.#attempt(layer, { ...context, place }, position, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isKind(error, 'data-loss')) await this.#drop(layer);
        if (position.bytes > before) idleTries = 0;
        if (!isTransient(error) || idleTries >= MAX_IDLE_TRIES) throw withContext(error, `layer ${layer.digest}`);
        await sleep(Math.min(FIRST_RETRY_MS * 2 ** idleTries, LONGEST_RETRY_MS), undefined, { signal });
      }
    }
  }

  /** One try, from where the store's unfinished write stands. */
  async #attempt(
    layer: Descriptor,
    context: FetchContext & { readonly place: DownloadPlace },
    position: { bytes: number },
    signal: AbortSignal,
  ): Promise<void> {
    const target = { ref: ingestRef(layer.digest), total: layer.size, expected: layer.digest };
    let opened: ContentWriter;
    try {
      opened = await openContentWriter(this.#deps.clients.content, target, { signal, lease: context.lease });
    } catch (error) {
      if (isKind(error, 'already-exists')) return;
      throw error;
    }
    await using writer = opened;
    if (writer.offset > layer.size) writer.restart();
    const moved = (): void => {
      position.bytes = writer.offset;
    };
    moved();
    context.progress.at(layer.digest, writer.offset);
    if (writer.offset < layer.size) {
      const { progress, place, registry } = context;
      const open = (): Promise<BlobStream> => registry.openBlob(layer, writer.offset, signal);
      const stream = await place.waiting(signal, () => progress.network(open));
      if (stream.offset !== writer.offset) writer.restart();
      await copy(layer, stream, writer, { progress, place, moved, signal });
    }
    await commit(layer, writer);
  }

  /** What does not match its digest never will: the next try must begin anew. */
  async #drop(layer: Descriptor): Promise<void> {
    const signal = AbortSignal.timeout(ABORT_DEADLINE_MS);
    // If it cannot be dropped now it goes with the pull's lease.
    await this.#deps.clients.content.abort({ ref: ingestRef(layer.digest) }, { signal }).catch(() => undefined);
  }
}

interface CopyContext {
  readonly progress: PullProgress;
  readonly place: DownloadPlace;
  readonly moved: () => void;
  readonly signal: AbortSignal;
}

/** Reads ahead by one write while containerd takes the one before it. */
async function copy(layer: Descriptor, stream: BlobStream, writer: ContentWriter, context: CopyContext): Promise<void> {
  let writing: Promise<void> = Promise.resolve();
  let end = writer.offset;
  try {
    for await (const batch of batches(layer, stream, writer.offset, context)) {
      await writing;
      context.moved();
      end += batch.length;
      if (end > layer.size) {
        throw new EngineError('data-loss', `${stream.from} sends more than the ${layer.size} bytes of the manifest`);
      }
      writing = writer.write(batch);
      writing.catch(() => undefined); // awaited at the next turn, or at the end
    }
  } finally {
    stream.body.destroy();
    // What is on its way lands before the writer is closed: the next try goes on behind it.
    await writing.catch(() => undefined);
    context.moved();
  }
  await writing;
  if (end === layer.size) return;
  stream.failed();
  throw new EngineError('unavailable', `${stream.from} ended after ${end} of ${layer.size} bytes`);
}

/** The body in pieces of about WRITE_BYTES. What came before a failure is given out before it is thrown. */
async function* batches(
  layer: Descriptor,
  stream: BlobStream,
  start: number,
  { progress, place, signal }: CopyContext,
): AsyncGenerator<Buffer, void> {
  let received = start;
  const chunks: AsyncIterator<Buffer> = stream.body[Symbol.asyncIterator]();
  let parts: Buffer[] = [];
  let size = 0;
  let failure: unknown;
  for (;;) {
    const next = await place
      .waiting(signal, () => progress.network(() => chunks.next()))
      .catch((error: unknown) => {
        failure = error;
        return undefined;
      });
    if (next !== undefined && next.done !== true) {
      parts.push(next.value);
      size += next.value.length;
      received += next.value.length;
      progress.downloaded(next.value.length);
      progress.at(layer.digest, received);
      if (size < WRITE_BYTES) continue;
    }
    if (size > 0) yield Buffer.concat(parts, size);
    parts = [];
    size = 0;
    if (next === undefined || next.done === true) break;
  }
  if (failure === undefined) return;
  signal.throwIfAborted();
  stream.failed();
  throw new EngineError('unavailable', `${stream.from} broke off: ${messageOf(failure)}`, { cause: failure });
}

/** containerd compares size and digest; what it refuses here is wrong for good. */
async function commit(layer: Descriptor, writer: ContentWriter): Promise<void> {
  try {
    await writer.commit({ size: layer.size, digest: layer.digest });
  } catch (error) {
    if (!isKind(error, 'failed-precondition')) throw error;
    throw new EngineError('data-loss', `what the registry sent is not the layer: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The name of a blob's unfinished write: the same as containerd's own clients use. */
function ingestRef(digest: string): string {
  return `layer-${digest}`;
}
