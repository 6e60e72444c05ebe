import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@grpc/grpc-js';
import { EngineError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { Channel } from './channel.ts';
import type { ChannelState } from './channel.ts';
import { abortError } from './errors.ts';
import { waitForChange } from './wait-for-change.ts';

/**
 *   away ──connected──▶ checking ──right one──▶ ready
 *    ▲                     └─────wrong one────▶ refused
 *    └──────── disconnected, from each of them; closed is for ever
 */
export type ConnectionState =
  | { readonly kind: 'away' | 'checking' | 'ready' | 'closed' }
  | { readonly kind: 'refused'; readonly error: EngineError };

export interface ConnectionDeps {
  /** Path of the socket. */
  readonly address: string;
  /**
   * Asks a containerd that has just been reached whether it is the right one; answers why not. It is asked again when
   * this throws, and anew after each reconnection.
   */
  readonly check: (signal: AbortSignal) => Promise<EngineError | undefined>;
  /** What to tell a caller while containerd is away. */
  readonly awayMessage: () => string;
  /** How long a call waits for a containerd that is away, in ms. */
  readonly waitMs: number;
  readonly logger: Logger;
}

const CHECK_RETRY_MS = 500;

/** A channel that admits calls only once the containerd at its other end has been checked. */
export class Connection {
  readonly #deps: ConnectionDeps;
  readonly #channel: Channel;
  readonly #listeners = new Set<() => void>();
  #state: ConnectionState = { kind: 'away' };
  #checking: AbortController | undefined;

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
    this.#channel = new Channel(deps.address);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get grpc(): Client {
    return this.#channel.grpc;
  }

  open(): void {
    this.#channel.onChange((state) => this.#onChannel(state));
    this.#channel.open();
  }

  close(): void {
    this.#checking?.abort();
    this.#channel.close();
    this.#become({ kind: 'closed' });
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Undefined when calls may be made. Waits for a containerd that is away, as long as a call may; then rejects as unavailable. */
  admission(signal: AbortSignal): Promise<void> | undefined {
    return this.#state.kind === 'ready' ? undefined : this.#waitForAdmission(signal);
  }

  /** Resolves when calls may be made, however long that takes. */
  async ready(signal: AbortSignal): Promise<void> {
    while (this.#state.kind !== 'ready') {
      if (this.#state.kind === 'closed') throw new EngineError('unavailable', this.#deps.awayMessage());
      await this.#nextChange(signal);
    }
  }

  async #waitForAdmission(signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    const timer = setTimeout(() => enough.abort(), this.#deps.waitMs);
    const until = AbortSignal.any([signal, enough.signal]);
    try {
      while (this.#isComing() && !enough.signal.aborted) {
        await waitForChange((listener) => this.onChange(listener), until);
        if (signal.aborted) throw abortError(`at ${this.#deps.address}: becoming ready`, signal);
      }
    } finally {
      clearTimeout(timer);
    }
    if (this.#state.kind === 'refused') throw this.#state.error;
    if (this.#state.kind !== 'ready') throw new EngineError('unavailable', this.#deps.awayMessage());
  }

  #isComing(): boolean {
    return this.#state.kind === 'away' || this.#state.kind === 'checking';
  }

  #onChannel(state: ChannelState): void {
    this.#checking?.abort();
    if (state !== 'connected') {
      this.#become({ kind: 'away' });
      return;
    }
    this.#checking = new AbortController();
    this.#become({ kind: 'checking' });
    void this.#check(this.#checking.signal);
  }

  /** Never throws: tries until the connection ends. */
  async #check(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const error = await this.#deps.check(signal);
        if (!signal.aborted) this.#become(error === undefined ? { kind: 'ready' } : { kind: 'refused', error });
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#deps.logger.warn({ error: messageOf(error) }, 'containerd is reached and cannot be used yet');
        await delay(CHECK_RETRY_MS, undefined, { signal }).catch(() => undefined); // the loop sees the abort
      }
    }
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }

  async #nextChange(signal: AbortSignal): Promise<void> {
    await waitForChange((listener) => this.onChange(listener), signal);
    if (signal.aborted) throw abortError(`at ${this.#deps.address}: becoming ready`, signal);
  }
}
