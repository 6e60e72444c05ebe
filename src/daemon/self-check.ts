import { Client, credentials } from '@grpc/grpc-js';
import { messageOf } from '../engine/index.ts';
import { statusCall } from '../cri/index.ts';
import type { Logger } from '../telemetry/index.ts';

export interface SelfCheckDeps {
  readonly socketPath: string;
  readonly intervalMs: number;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
  /** Called after each call that was answered. */
  readonly onAlive: () => void;
}

/** A call that takes longer counts as not answered. */
const CALL_DEADLINE_MS = 5_000;

/**
 * Asks davitd what the kubelet asks it, over the same socket: what it says is true of those who call. Everything in
 * between is in the answer: socket, event loop, handler.
 */
export class SelfCheck implements AsyncDisposable {
  readonly #deps: SelfCheckDeps;
  readonly #client: Client;
  readonly #watchers = new Set<() => void>();
  #isServing = false;
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;
  #closed = false;

  constructor(deps: SelfCheckDeps) {
    this.#deps = deps;
    this.#client = new Client(`unix:${deps.socketPath}`, credentials.createInsecure(), {
      'grpc.default_authority': 'localhost',
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** Whether the last call was answered. */
  get isServing(): boolean {
    return this.#isServing;
  }

  /** Resolves after the first call. */
  async start(): Promise<void> {
    this.#timer ??= setInterval(() => void this.#look(), this.#deps.intervalMs).unref();
    await this.#look();
  }

  /** What it is now, and each change; ends with the signal's reason. */
  async *watch(signal: AbortSignal): AsyncGenerator<boolean, void> {
    let told: boolean | undefined;
    for (;;) {
      signal.throwIfAborted();
      if (told !== this.#isServing) {
        told = this.#isServing;
        yield told;
        continue;
      }
      await this.#change(signal);
    }
  }

  /** From now on davitd does not serve. */
  stopped(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#become(false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopped();
    this.#client.close();
    await this.#asking;
  }

  #look(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<void> {
    try {
      await statusCall(this.#client, Date.now() + CALL_DEADLINE_MS);
      if (this.#closed) return;
      if (!this.#isServing && this.#timer !== undefined) this.#deps.logger.info({}, 'davitd answers on its socket');
      this.#become(true);
      this.#deps.onAlive();
    } catch (error) {
      if (this.#closed) return;
      this.#deps.logger.warn({ error: messageOf(error) }, 'davitd does not answer on its own socket');
      this.#become(false);
    }
  }

  #become(isServing: boolean): void {
    if (this.#isServing === isServing) return;
    this.#isServing = isServing;
    for (const watcher of this.#watchers) watcher();
  }

  async #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#watchers.add(resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    this.#watchers.delete(resolve);
  }
}
