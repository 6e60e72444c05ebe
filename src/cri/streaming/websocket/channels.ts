import { Readable, Writable } from 'node:stream';
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { WebSocket } from 'ws';
import { EngineError, messageOf } from '../../../engine/index.ts';
import { Inflow, InputBudget } from '../inflow.ts';
import { writeParts } from '../write-parts.ts';
import type { ChannelCodec } from './channel-codec.ts';

export interface ChannelsOptions {
  /** What carries the socket: messages are written to it, whole, without a copy of what they hold. */
  readonly transport: Duplex;
  readonly codec: ChannelCodec;
  /** The client may end its side of a channel by a message on channel 255. */
  readonly halfClose: boolean;
  readonly onActivity: () => void;
}

/** Input that its readers have not taken yet, of all channels of a connection. */
const MAX_INPUT_BYTES = 512 * 1024;
const OUTPUT_BUFFER_BYTES = 64 * 1024;
/** The message that ends a channel comes on this one, and holds the channel's number. */
const CLOSE_CHANNEL = 255;
/**
 * Clients give up when their pings are not answered for a minute, and while nothing is read none is. An answer that
 * was not asked for counts as well; it also shows whether the client is still there.
 */
const PONG_INTERVAL_MS = 5_000;
const NORMAL_CLOSURE = 1000;
/** For the client to hang up, once all has been sent. */
const LINGER_MS = 10_000;

/** One WebSocket as several byte streams, numbered. A reader that lags stops the whole connection. */
export class Channels {
  readonly #socket: WebSocket;
  readonly #options: ChannelsOptions;
  readonly #budget: InputBudget;
  readonly #inputs = new Map<number, { readonly stream: Readable; readonly inflow: Inflow }>();
  readonly #outputs: Writable[] = [];
  readonly #gone = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  #closing: Promise<void> | undefined;
  #pongs: NodeJS.Timeout | undefined;

  private constructor(socket: WebSocket, options: ChannelsOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#budget = new InputBudget(MAX_INPUT_BYTES, (isFull) => (isFull ? socket.pause() : socket.resume()));
  }

  /** Serves a socket that is paused; what comes is read from start() on. */
  static serve(socket: WebSocket, options: ChannelsOptions): Channels {
    const channels = new Channels(socket, options);
    channels.#listen();
    return channels;
  }

  /** Aborted when the client has gone. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** What the client sends on a channel; destroyed without an end when the client goes. To be asked for once, at once. */
  input(channel: number): Readable {
    const stream = new Readable({
      highWaterMark: 1,
      read: () => inflow.want(),
      destroy: (error, done) => {
        inflow.drop();
        done(error);
      },
    });
    const inflow = new Inflow(this.#budget, (chunk) => stream.push(chunk));
    stream.on('error', () => undefined);
    this.#inputs.set(channel, { stream, inflow });
    return stream;
  }

  /** What the client gets on a channel. Its end is not told: the client sees the end of the connection. */
  output(channel: number): Writable {
    const stream = new Writable({
      highWaterMark: OUTPUT_BUFFER_BYTES,
      write: (chunk: Buffer, _encoding, done) => this.#send(channel, chunk, done),
    });
    stream.on('error', () => undefined);
    this.#outputs.push(stream);
    return stream;
  }

  /** Ends all channels, sends what still waits, and hangs up; input is thrown away from now on. */
  async close(hurry?: AbortSignal): Promise<void> {
    const cut = (): void => this.destroy('the server has closed the connection');
    hurry?.addEventListener('abort', cut);
    if (hurry?.aborted === true) cut();
    this.#closing ??= this.#close();
    await this.#closing;
    hurry?.removeEventListener('abort', cut);
  }

  /** Cuts the connection at once. Idempotent. */
  destroy(why: string): void {
    clearInterval(this.#pongs);
    if (!this.#gone.signal.aborted) this.#gone.abort(new EngineError('cancelled', why));
    for (const { stream } of this.#inputs.values()) stream.destroy();
    for (const stream of this.#outputs) stream.destroy();
    this.#socket.terminate();
    this.#over.resolve();
  }

  async #close(): Promise<void> {
    for (const { inflow } of this.#inputs.values()) inflow.drop();
    await Promise.race([Promise.all(this.#outputs.map(sentWhole)), this.#over.promise]);
    this.#socket.close(NORMAL_CLOSURE);
    // Nothing follows: a client need not answer the close to see the end. Its answer, or its own end, is still read.
    this.#options.transport.end();
    const linger = setTimeout(() => this.destroy('the client did not hang up'), LINGER_MS);
    await this.#over.promise;
    clearTimeout(linger);
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('message', (message) => this.#receive(message as Buffer));
    socket.on('error', (error) => this.destroy(messageOf(error)));
    socket.on('close', () => this.destroy('the client hung up'));
    this.#pongs = setInterval(() => {
      if (socket.isPaused && socket.readyState === socket.OPEN) socket.pong();
    }, PONG_INTERVAL_MS);
    this.#pongs.unref();
  }

  /** To be called once all inputs are there. */
  start(): void {
    this.#socket.resume();
  }

  #receive(message: Buffer): void {
    const { codec, halfClose, onActivity } = this.#options;
    const decoded = codec.decode(message);
    if (decoded === undefined) return;
    onActivity();
    const { channel, chunk } = decoded;
    if (halfClose && channel === CLOSE_CHANNEL) this.#inputs.get(chunk[0] ?? CLOSE_CHANNEL)?.inflow.end();
    else this.#inputs.get(channel)?.inflow.offer(chunk);
  }

  /** `done` is called once the message has left this process, or never, when the client has gone. */
  #send(channel: number, chunk: Buffer, done: () => void): void {
    const { codec, transport, onActivity } = this.#options;
    onActivity();
    if (this.#socket.readyState === this.#socket.OPEN) writeParts(transport, codec.encode(channel, chunk), done);
  }
}

/** Ends the stream; resolves when all of it has left, or the stream is destroyed. */
async function sentWhole(stream: Writable): Promise<void> {
  stream.end();
  await finished(stream).catch(() => undefined);
}
