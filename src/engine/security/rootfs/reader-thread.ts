import { Worker } from 'node:worker_threads';
import { EngineError, messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { ReadReply, ReadRequest } from './protocol.ts';

export interface ReaderThreadDeps {
  /** The thread's entry file. */
  readonly entry: URL | string;
  readonly logger: Logger;
  /** A read that takes longer is stuck in the kernel, and its thread is given up. */
  readonly timeoutMs: number;
}

interface Pending {
  readonly id: number;
  readonly settled: PromiseWithResolvers<ReadReply>;
}

/** The one thread that reads, one request at a time, replaced when it ends or hangs. */
export class ReaderThread {
  readonly #deps: ReaderThreadDeps;
  #worker: Worker | undefined;
  #pending: Pending | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #lastId = 0;
  #closed = false;

  constructor(deps: ReaderThreadDeps) {
    this.#deps = deps;
  }

  /** Carried out after those before it, or not at all if the signal aborts while it waits. */
  run(request: Omit<ReadRequest, 'id'>, signal: AbortSignal): Promise<ReadReply> {
    const result = this.#tail.then(() => {
      signal.throwIfAborted();
      return this.#send(request);
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Ends the thread once the requests before are done. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
    await this.#worker?.terminate();
  }

  async #send(request: Omit<ReadRequest, 'id'>): Promise<ReadReply> {
    if (this.#closed) throw new EngineError('unavailable', 'the reader of containers’ files is closed');
    const worker = (this.#worker ??= this.#spawn());
    this.#lastId += 1;
    const pending: Pending = { id: this.#lastId, settled: Promise.withResolvers<ReadReply>() };
    this.#pending = pending;
    const timer = setTimeout(() => this.#giveUp(worker), this.#deps.timeoutMs);
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage({ ...request, id: pending.id } satisfies ReadRequest);
      return await pending.settled.promise;
    } finally {
      clearTimeout(timer);
      this.#pending = undefined;
    }
  }

  #spawn(): Worker {
    const worker = new Worker(this.#deps.entry, { name: 'davit-rootfs', execArgv: [] });
    worker.on('message', (reply: ReadReply) => {
      if (worker !== this.#worker || reply.id !== this.#pending?.id) return;
      this.#pending.settled.resolve(reply);
      if ('failure' in reply && reply.failure.lost) this.#forget(worker, reply.failure.message);
    });
    worker.on('error', (error) => this.#forget(worker, messageOf(error)));
    worker.on('exit', (code) => this.#forget(worker, `it ended with code ${code}`));
    worker.unref();
    return worker;
  }

  #giveUp(worker: Worker): void {
    this.#forget(worker, `no answer within ${this.#deps.timeoutMs / 1000} s`);
    // Takes effect when the kernel lets the thread go; it never serves again.
    void worker.terminate();
  }

  /** From here on the next request makes a new thread. A request that was under way fails, if it has no reply yet. */
  #forget(worker: Worker, why: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    const pending = this.#pending;
    if (this.#closed && pending === undefined) return;
    this.#deps.logger.error({ why }, 'the thread that reads containers’ files is lost, a new one takes over');
    pending?.settled.reject(new EngineError('unavailable', `the thread was lost: ${why}`));
  }
}
