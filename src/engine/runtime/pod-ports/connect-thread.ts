import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { IpFamily } from '../../../sys/tcp.ts';
import { EngineError, messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { within } from '../../rollback.ts';
import { POD_PORTS_ROLE } from './protocol.ts';
import type { ConnectReply, ConnectRequest, Problem } from './protocol.ts';

export interface ConnectThreadDeps {
  /** Entry file of the thread. */
  readonly entry: URL | string;
  readonly logger: Logger;
}

/** A socket could not be made, or not connected; `code` is the errno's name, where there is one. */
export class ConnectProblem extends Error {
  override readonly name = 'ConnectProblem';
  readonly code: string | undefined;

  constructor({ message, code }: Problem) {
    super(message);
    this.code = code;
  }
}

/** The thread that makes sockets in pods' network namespaces, started when it is needed and replaced when it ends. */
export class ConnectThread {
  readonly #deps: ConnectThreadDeps;
  readonly #pending = new Map<number, PromiseWithResolvers<number>>();
  #worker: Worker | undefined;
  #lastId = 0;
  #closed = false;

  constructor(deps: ConnectThreadDeps) {
    this.#deps = deps;
  }

  /** A connecting socket, the caller's to close. One that comes after the signal's abort is closed here. */
  async connecting(netns: string, family: IpFamily, port: number, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    if (this.#closed) throw new EngineError('unavailable', 'davitd is ending: no new connections to pods');
    const worker = (this.#worker ??= this.#spawn());
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = Promise.withResolvers<number>();
    this.#pending.set(id, answered);
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage({ id, netns, family, port } satisfies ConnectRequest);
      return await within(signal, answered.promise);
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Ends the thread once it has answered. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([...this.#pending.values()].map(({ promise }) => promise));
    await this.#worker?.terminate();
  }

  #spawn(): Worker {
    const worker = new Worker(this.#deps.entry, {
      name: `davit-${POD_PORTS_ROLE}`,
      workerData: POD_PORTS_ROLE,
      execArgv: [],
    });
    worker.on('message', (reply: ConnectReply) => this.#take(reply));
    worker.on('error', (error) => this.#forget(worker, messageOf(error)));
    worker.on('exit', (code) => this.#forget(worker, `it ended with code ${code}`));
    worker.unref();
    return worker;
  }

  #take(reply: ConnectReply): void {
    const pending = this.#pending.get(reply.id);
    if ('problem' in reply) pending?.reject(new ConnectProblem(reply.problem));
    else if (pending === undefined) closeSync(reply.fd);
    else pending.resolve(reply.fd);
  }

  /** From here on the next request makes a new thread. */
  #forget(worker: Worker, why: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    if (this.#closed) return;
    this.#deps.logger.error({ why }, 'the thread that connects to pods is lost, a new one takes over');
    const lost = new EngineError('unavailable', `the thread that connects to pods was lost: ${why}; try again`);
    for (const pending of this.#pending.values()) pending.reject(lost);
  }
}
