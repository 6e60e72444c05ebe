import { Worker } from 'node:worker_threads';
import { EngineError, messageOf } from './errors.ts';
import type { Logger } from './logger.ts';

export interface OrderThreadDeps<Reply> {
  /** The thread's entry file. It answers each `Request` by one `Reply` of the same id. */
  readonly entry: URL | string;
  /** The thread's name in the kernel's lists. */
  readonly name: string;
  /** What it is called in messages, e.g. `namespace thread`. */
  readonly noun: string;
  readonly logger: Logger;
  /** An order that takes longer is stuck in the kernel, and its thread is given up. */
  readonly timeoutMs: number;
  /** Why the thread ends after this reply; undefined when it does not. */
  readonly lostBy: (reply: Reply) => string | undefined;
}

export interface Request<Order> {
  readonly id: number;
  readonly order: Order;
}

interface Pending<Reply> {
  readonly id: number;
  readonly settled: PromiseWithResolvers<Reply>;
}

/** A thread that carries orders out, one at a time, made when it is needed and replaced when it ends or hangs. */
export class OrderThread<Order, Reply extends { readonly id: number }> {
  readonly #deps: OrderThreadDeps<Reply>;
  #worker: Worker | undefined;
  #pending: Pending<Reply> | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #lastId = 0;
  #closed = false;

  constructor(deps: OrderThreadDeps<Reply>) {
    this.#deps = deps;
  }

  /**
   * Carries the order out after those before it, or not at all if the signal aborts while it waits. Throws unavailable when
   * the thread was lost meanwhile, and why.
   */
  run(order: Order, signal?: AbortSignal): Promise<Reply> {
    const result = this.#tail.then(() => {
      signal?.throwIfAborted();
      return this.#send(order);
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Ends the thread once the orders before are done. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
    await this.#worker?.terminate();
  }

  async #send(order: Order): Promise<Reply> {
    if (this.#closed) throw new EngineError('unavailable', `the ${this.#deps.noun} is closed: davitd is ending`);
    const worker = (this.#worker ??= this.#spawn());
    this.#lastId += 1;
    const pending: Pending<Reply> = { id: this.#lastId, settled: Promise.withResolvers<Reply>() };
    this.#pending = pending;
    const timer = setTimeout(() => this.#giveUp(worker), this.#deps.timeoutMs);
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage({ id: pending.id, order } satisfies Request<Order>);
      return await pending.settled.promise;
    } finally {
      clearTimeout(timer);
      this.#pending = undefined;
    }
  }

  #spawn(): Worker {
    const worker = new Worker(this.#deps.entry, { name: this.#deps.name, execArgv: [] });
    worker.on('message', (reply: Reply) => {
      if (worker !== this.#worker || reply.id !== this.#pending?.id) return;
      this.#pending.settled.resolve(reply);
      const why = this.#deps.lostBy(reply);
      if (why !== undefined) this.#forget(worker, why);
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

  /** From here on the next order makes a new thread. An order that was under way fails, if it has no reply yet. */
  #forget(worker: Worker, why: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    const pending = this.#pending;
    if (this.#closed && pending === undefined) return;
    this.#deps.logger.error({ why }, `the ${this.#deps.noun} is lost, a new one takes over`);
    pending?.settled.reject(new EngineError('unavailable', `the ${this.#deps.noun} was lost: ${why}`));
  }
}
