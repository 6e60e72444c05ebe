import { Worker } from 'node:worker_threads';
import { EngineError, messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { Failure, Order, Reply, Request } from './protocol.ts';

/** An order takes about a millisecond; a thread that is this long at one is stuck in the kernel and is given up. */
const ORDER_TIMEOUT_MS = 30_000;

export interface WorkerThreadDeps {
  /** The thread's entry file. */
  readonly entry: URL | string;
  readonly logger: Logger;
  readonly orderTimeoutMs?: number;
}

interface Pending {
  readonly id: number;
  readonly settled: PromiseWithResolvers<Reply>;
}

/** The one thread that carries orders out, one at a time, replaced when it ends or hangs. */
export class WorkerThread {
  readonly #deps: WorkerThreadDeps;
  #worker: Worker | undefined;
  #pending: Pending | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #lastId = 0;
  #closed = false;

  constructor(deps: WorkerThreadDeps) {
    this.#deps = deps;
  }

  /** Carries the order out after those before it. Resolves to its failure, if any; rejects if the thread was lost. */
  run(order: Order): Promise<Failure | undefined> {
    const result = this.#tail.then(() => this.#send(order));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Ends the thread once the orders before are done. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
    await this.#worker?.terminate();
  }

  async #send(order: Order): Promise<Failure | undefined> {
    if (this.#closed) throw new EngineError('unavailable', `namespaces: ${order.op}: the service is closed`);
    const worker = (this.#worker ??= this.#spawn());
    this.#lastId += 1;
    const pending: Pending = { id: this.#lastId, settled: Promise.withResolvers<Reply>() };
    this.#pending = pending;
    const timer = setTimeout(() => this.#giveUp(worker, order.op), this.#deps.orderTimeoutMs ?? ORDER_TIMEOUT_MS);
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage({ id: pending.id, order } satisfies Request);
      return (await pending.settled.promise).failure;
    } finally {
      clearTimeout(timer);
      this.#pending = undefined;
    }
  }

  #spawn(): Worker {
    const worker = new Worker(this.#deps.entry, { name: 'davit-namespaces', execArgv: [] });
    worker.on('message', (reply: Reply) => {
      if (worker !== this.#worker || reply.id !== this.#pending?.id) return;
      this.#pending.settled.resolve(reply);
      if (reply.lost) this.#forget(worker, 'it could not come back from a namespace');
    });
    worker.on('error', (error) => this.#forget(worker, messageOf(error)));
    worker.on('exit', (code) => this.#forget(worker, `it ended with code ${code}`));
    worker.unref();
    return worker;
  }

  #giveUp(worker: Worker, op: string): void {
    this.#forget(worker, `${op} hangs in the kernel`);
    // Takes effect when the kernel lets the thread go; it never serves again.
    void worker.terminate();
  }

  /** From here on the next order makes a new thread. An order that was under way is rejected, if it has no reply yet. */
  #forget(worker: Worker, why: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    const pending = this.#pending;
    if (this.#closed && pending === undefined) return;
    this.#deps.logger.error({ why }, 'the namespace thread is lost, a new one takes over');
    pending?.settled.reject(new EngineError('unavailable', `namespaces: the worker thread was lost: ${why}`));
  }
}
