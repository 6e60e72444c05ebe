import { Client, connectivityState, credentials } from '@grpc/grpc-js';
import type { ChannelOptions } from '@grpc/grpc-js';
import { EngineError } from '../errors.ts';
import { abortError } from './errors.ts';
import { waitForChange } from './wait-for-change.ts';

/** Whether the socket is connected. A channel that is away goes on trying until it is closed. */
export type ChannelState = 'away' | 'connected' | 'closed';

export type StateListener = (state: ChannelState) => void;

/** First wait before another try to connect, in ms; it doubles up to the longest. */
const FIRST_RECONNECT_MS = 50;
/** Longest wait before another try, in ms. grpc-js adds up to a fifth of it by chance, which stays below 3 s. */
const LONGEST_RECONNECT_MS = 2_400;
/** The largest delay that a timer takes, in ms: grpc-js is never to drop a connection for being idle. */
const NEVER_IDLE_MS = 2 ** 31 - 1;
/** grpc-js' word for no limit, in bytes: a list of many containers has no useful bound. */
const UNLIMITED_BYTES = -1;

const OPTIONS: ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': FIRST_RECONNECT_MS,
  'grpc.max_reconnect_backoff_ms': LONGEST_RECONNECT_MS,
  'grpc.client_idle_timeout_ms': NEVER_IDLE_MS,
  // The server sees this as :authority; Go refuses the socket's path there.
  'grpc.default_authority': 'localhost',
  'grpc.max_receive_message_length': UNLIMITED_BYTES,
  'grpc.max_send_message_length': UNLIMITED_BYTES,
  // Two channels to one address are two connections: closing one must not touch the other.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
};

/** One gRPC channel to a unix socket. It connects by itself, and again whenever the other side comes back. */
export class Channel {
  readonly address: string;
  readonly #client: Client;
  readonly #listeners = new Set<StateListener>();
  #state: ChannelState = 'away';

  /** `address` is the socket's absolute path. */
  constructor(address: string) {
    this.address = address;
    this.#client = new Client(`unix:${address}`, credentials.createInsecure(), OPTIONS);
  }

  /** For making calls. */
  get grpc(): Client {
    return this.#client;
  }

  get state(): ChannelState {
    return this.#state;
  }

  /** Begins to connect and to watch the connection. */
  open(): void {
    this.#watch();
  }

  /** Tells of every change from now on; the answer unsubscribes. */
  onChange(listener: StateListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the socket is connected, at once if it is. */
  async waitForReady(signal: AbortSignal): Promise<void> {
    while (this.#state !== 'connected') {
      if (this.#state === 'closed') throw new EngineError('unavailable', `the channel to ${this.address} is closed`);
      if (signal.aborted) throw abortError(`at ${this.address}: connecting`, signal);
      await waitForChange((listener) => this.onChange(listener), signal);
    }
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#become('closed');
    this.#listeners.clear();
    this.#client.close();
  }

  #watch(): void {
    if (this.#state === 'closed') return;
    const channel = this.#client.getChannel();
    const state = channel.getConnectivityState(true);
    this.#become(state === connectivityState.READY ? 'connected' : 'away');
    channel.watchConnectivityState(state, Infinity, () => this.#watch());
  }

  #become(state: ChannelState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
