import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, withContext } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { OrderThread } from '../../order-thread.ts';
import { within } from '../../rollback.ts';
import type { TreeCopy } from './copy-tree.ts';
import type { FolderOrder } from './make-folders.ts';
import type { ReadOrder, ReadReply, ReadWork } from './protocol.ts';
import { readOnlyMounts, writableMounts } from './root-mounts.ts';
import type { RootfsMount } from './root-mounts.ts';
import type { RootFiles, RootfsReader } from './rootfs-reader.ts';

/** The thread's entry where the sources run as they are; the bundle passes `davit-rootfs.js` instead. */
export const ROOTFS_WORKER_SOURCE = new URL('./worker.ts', import.meta.url);

export interface RootfsReaderDeps {
  /** The daemon's state folder. */
  readonly state: string;
  /** Entry file of the worker thread. */
  readonly workerEntry: URL | string;
  readonly logger: Logger;
  /** Milliseconds after which one read counts as hung. */
  readonly timeoutMs?: number;
}

const MAX_FILE_BYTES = 10 * 1024 * 1024;
/** A read takes a millisecond or two; a thread that is this long at one is stuck in the kernel. */
const TIMEOUT_MS = 15_000;
/** For all folders of one container. */
const COPY_TIMEOUT_MS = 90_000;
const TARGET_MODE = 0o700;

export function createRootfsReader(deps: RootfsReaderDeps): RootfsReader {
  return new Reader(deps);
}

type ReaderThread = OrderThread<ReadOrder, ReadReply>;

class Reader implements RootfsReader {
  readonly name = 'rootfs';
  readonly #target: string;
  readonly #thread: ReaderThread;
  readonly #copier: ReaderThread;

  constructor({ state, workerEntry, logger, timeoutMs = TIMEOUT_MS }: RootfsReaderDeps) {
    // Always empty: what is mounted on it is seen by the thread alone.
    this.#target = join(state, 'rootfs');
    this.#thread = readerThread({ workerEntry, logger, timeoutMs });
    // Its own thread: a copy takes as long as the folder is large, and nobody's name is to wait for it.
    this.#copier = readerThread({ workerEntry, logger, timeoutMs: COPY_TIMEOUT_MS + timeoutMs });
  }

  /** Its file system calls bring libuv's thread pool up, all of it, before any thread of ours leaves the node's mounts. */
  async start(): Promise<void> {
    await mkdir(this.#target, { recursive: true, mode: TARGET_MODE });
    await stat(this.#target);
  }

  async close(): Promise<void> {
    await Promise.all([this.#thread.close(), this.#copier.close()]);
  }

  async readFiles(mounts: readonly RootfsMount[], paths: readonly string[], signal: AbortSignal): Promise<RootFiles> {
    const doing =
      paths.length === 0 ? 'look at the root file system' : `read ${paths.join(', ')} of the root file system`;
    const files = await this.#run(this.#thread, mounts, { op: 'read', paths, maxBytes: MAX_FILE_BYTES }, doing, signal);
    return new Map(files.map(([path, content]) => [path, content === undefined ? undefined : bufferOf(content)]));
  }

  async copyTrees(mounts: readonly RootfsMount[], copies: readonly TreeCopy[], signal: AbortSignal): Promise<void> {
    if (copies.length === 0) return;
    const doing = `copy ${copies.map((copy) => copy.path).join(', ')} of the root file system`;
    await this.#run(this.#copier, mounts, { op: 'copy', copies, timeoutMs: COPY_TIMEOUT_MS }, doing, signal);
  }

  async makeFolders(mounts: readonly RootfsMount[], order: FolderOrder, signal: AbortSignal): Promise<void> {
    if (order.paths.length === 0) return;
    const doing = `make ${order.paths.join(', ')} in the root file system`;
    await this.#run(this.#thread, mounts, { op: 'make', order }, doing, signal);
  }

  async #run(
    thread: ReaderThread,
    mounts: readonly RootfsMount[],
    work: ReadWork,
    doing: string,
    signal: AbortSignal,
  ): Promise<ReadFiles> {
    const rewrite = work.op === 'make' ? writableMounts : readOnlyMounts;
    const request = { mounts: rewrite(mounts), target: this.#target, work };
    const reply = await within(signal, thread.run(request, signal)).catch((error: unknown) => {
      throw withContext(error, doing);
    });
    if ('failure' in reply) throw new EngineError(reply.failure.kind, `${doing}: ${reply.failure.message}`);
    return reply.files;
  }
}

function readerThread({
  workerEntry,
  logger,
  timeoutMs,
}: Pick<Required<RootfsReaderDeps>, 'workerEntry' | 'logger' | 'timeoutMs'>): ReaderThread {
  return new OrderThread({
    entry: workerEntry,
    name: 'davit-rootfs',
    noun: 'thread that reads containers’ files',
    logger,
    timeoutMs,
    lostBy: (reply) => ('failure' in reply && reply.failure.lost ? reply.failure.message : undefined),
  });
}

type ReadFiles = Extract<ReadReply, { readonly files: unknown }>['files'];

/** What crosses threads arrives as a plain byte array. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
