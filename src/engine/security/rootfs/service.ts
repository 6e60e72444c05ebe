import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, withContext } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { within } from '../../rollback.ts';
import { ReaderThread } from './reader-thread.ts';
import { readOnlyMounts } from './root-mounts.ts';
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
const TARGET_MODE = 0o700;

export function createRootfsReader(deps: RootfsReaderDeps): RootfsReader {
  return new Reader(deps);
}

class Reader implements RootfsReader {
  readonly name = 'rootfs';
  readonly #target: string;
  readonly #thread: ReaderThread;

  constructor({ state, workerEntry, logger, timeoutMs = TIMEOUT_MS }: RootfsReaderDeps) {
    // Always empty: what is mounted on it is seen by the thread alone.
    this.#target = join(state, 'rootfs');
    this.#thread = new ReaderThread({ entry: workerEntry, logger, timeoutMs });
  }

  /** Its file system calls bring libuv's thread pool up, all of it, before any thread of ours leaves the node's mounts. */
  async start(): Promise<void> {
    await mkdir(this.#target, { recursive: true, mode: TARGET_MODE });
    await stat(this.#target);
  }

  async close(): Promise<void> {
    await this.#thread.close();
  }

  async readFiles(mounts: readonly RootfsMount[], paths: readonly string[], signal: AbortSignal): Promise<RootFiles> {
    const request = { mounts: readOnlyMounts(mounts), target: this.#target, paths, maxBytes: MAX_FILE_BYTES };
    const doing = `read ${paths.join(', ')} of the root file system`;
    const reply = await within(signal, this.#thread.run(request, signal)).catch((error: unknown) => {
      throw withContext(error, doing);
    });
    if ('failure' in reply) throw new EngineError(reply.failure.kind, `${doing}: ${reply.failure.message}`);
    return new Map(reply.files.map(([path, content]) => [path, content === undefined ? undefined : bufferOf(content)]));
  }
}

/** What crosses threads arrives as a plain byte array. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
