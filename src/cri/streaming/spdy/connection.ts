import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { EngineError, messageOf } from '../../../engine/index.ts';
import { InputBudget } from '../inflow.ts';
import { FLAG_FIN, FRAME, RESET } from './frame.ts';
import { FrameParser } from './frame-parser.ts';
import type { ParsedFrame } from './frame-parser.ts';
import { HeaderInflater } from './header-block.ts';
import type { SpdyHeaders } from './header-block.ts';
import { SpdyOutput } from './output.ts';
import { SpdyStream } from './stream.ts';
import type { StreamLink } from './stream.ts';

export interface SpdyConnectionOptions {
  /** False refuses the stream. */
  readonly accepts: (headers: SpdyHeaders) => boolean;
  /** A stream that the client has opened, and that it has been told is open. */
  readonly onStream: (stream: SpdyStream) => void;
  /** Data came or went. */
  readonly onActivity: () => void;
}

/** Input that its readers have not taken yet, of all streams of a connection. */
const MAX_INPUT_BYTES = 512 * 1024;
/** Streams that are open at once. Port forward needs two for each connection. */
const MAX_STREAMS = 2_000;
/** While the client does not take our answers to its frames, no more of its frames are read. */
const MAX_BACKLOG_BYTES = 1024 * 1024;
/** For the client to hang up, once all has been sent. */
const LINGER_MS = 10_000;
/** A connection that is not read does not tell that its client has gone: then something is sent this often. */
const PROBE_INTERVAL_MS = 5_000;

type Hold = 'headers' | 'input' | 'backlog';

/**
 * The server's end of a SPDY/3.1 connection as Kubernetes' clients speak it: streams are opened by the client, there is
 * no flow control in either direction, so a reader that lags stops the whole connection.
 */
export class SpdyConnection {
  readonly #transport: Duplex;
  readonly #options: SpdyConnectionOptions;
  readonly #parser = new FrameParser();
  readonly #inflater = new HeaderInflater();
  readonly #output: SpdyOutput;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #holds = new Set<Hold>();
  readonly #gone = new AbortController();
  /** Of the transport. */
  readonly #over = Promise.withResolvers<void>();
  readonly #link: StreamLink;
  #lastStreamId = 0;
  #isParsing = false;
  #isOver = false;
  #closing: Promise<void> | undefined;
  #probes: NodeJS.Timeout | undefined;

  private constructor(transport: Duplex, options: SpdyConnectionOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#output = new SpdyOutput(transport);
    this.#link = this.#makeLink();
  }

  /** Serves until the client has gone or the connection is closed. `transport` must not be read by anybody else. */
  static serve(transport: Duplex, options: SpdyConnectionOptions): SpdyConnection {
    const connection = new SpdyConnection(transport, options);
    connection.#listen();
    return connection;
  }

  /** Aborted when there is nobody to serve any more: the client has gone, or said so, or has spoken no SPDY. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /**
   * Ends all streams, sends what still waits, and hangs up; input is thrown away from now on. Resolves when the
   * connection is over; `hurry` cuts the waiting short.
   */
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
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#probes);
    this.#inflater[Symbol.dispose]();
    this.#tellGone(why);
    for (const stream of this.#streams.values()) stream.receiveReset();
    this.#transport.destroy();
    this.#over.resolve();
  }

  async #close(): Promise<void> {
    for (const stream of this.#streams.values()) stream.discardInput();
    await Promise.race([Promise.all([...this.#streams.values()].map(sentWhole)), this.#over.promise]);
    this.#output.goAway(this.#lastStreamId);
    await Promise.race([new Promise<void>((resolve) => this.#transport.end(resolve)), this.#over.promise]);
    // With input unread the kernel would take back what the client has not read yet: the client hangs up first.
    const linger = setTimeout(() => this.destroy('the client did not hang up'), LINGER_MS);
    await this.#over.promise;
    clearTimeout(linger);
  }

  #listen(): void {
    const transport = this.#transport;
    transport.on('data', (chunk: Buffer) => {
      this.#parser.push(chunk);
      this.#parse();
    });
    transport.on('drain', () => {
      this.#output.drained();
      if (this.#output.backlogBytes <= MAX_BACKLOG_BYTES) this.#release('backlog');
    });
    transport.on('end', () => this.destroy('the client hung up'));
    transport.on('error', (error) => this.destroy(messageOf(error)));
    transport.on('close', () => this.destroy('the client hung up'));
    this.#probes = setInterval(() => this.#probe(), PROBE_INTERVAL_MS);
    this.#probes.unref();
  }

  #parse(): void {
    if (this.#isParsing) return;
    this.#isParsing = true;
    while (this.#holds.size === 0 && !this.#isOver) {
      const frame = this.#parser.next();
      if (frame === undefined) break;
      this.#take(frame);
    }
    this.#isParsing = false;
  }

  #take(frame: ParsedFrame): void {
    if (frame.kind === 'broken') return this.destroy(frame.problem);
    if (frame.kind === 'control') return this.#takeControl(frame.type, frame.flags, frame.body);
    if (frame.chunk.length > 0) this.#options.onActivity();
    this.#streams.get(frame.streamId)?.receive(frame.chunk, frame.fin);
  }

  #takeControl(type: number, flags: number, body: Buffer): void {
    const least = LEAST_BODY.get(type);
    // Settings, window updates and whatever else there may be change nothing here.
    if (least === undefined) return;
    if (body.length < least) return this.destroy(`a frame of type ${type} with ${body.length} bytes`);
    const id = body.readUInt32BE(0) & 0x7fff_ffff;
    if (type === FRAME.synStream) this.#inflate(body.subarray(10), (headers) => this.#open(id, flags, headers));
    else if (type === FRAME.synReply || type === FRAME.headers) this.#inflate(body.subarray(4), () => undefined);
    else if (type === FRAME.rstStream) this.#streams.get(id)?.receiveReset();
    else if (type === FRAME.ping) this.#pong(id, body);
    else this.#goAway();
  }

  /** Nothing is parsed meanwhile: what follows may belong to the stream that is being opened. */
  #inflate(block: Buffer, then: (headers: SpdyHeaders) => void): void {
    this.#hold('headers');
    this.#inflater.read(block).then(
      (headers) => {
        if (this.#isOver) return;
        then(headers);
        this.#release('headers');
      },
      (error: unknown) => this.destroy(messageOf(error)),
    );
  }

  #open(id: number, flags: number, headers: SpdyHeaders): void {
    if (id % 2 === 0 || id <= this.#lastStreamId)
      return this.#answer(() => this.#output.reset(id, RESET.protocolError));
    this.#lastStreamId = id;
    const hasRoom = this.#closing === undefined && this.#streams.size < MAX_STREAMS;
    if (!hasRoom || !this.#options.accepts(headers)) {
      return this.#answer(() => this.#output.reset(id, RESET.refusedStream));
    }
    const stream = new SpdyStream(id, headers, this.#link);
    // Errors are told to whoever pipes into or out of the stream.
    stream.on('error', () => undefined);
    this.#streams.set(id, stream);
    this.#answer(() => this.#output.reply(id));
    if ((flags & FLAG_FIN) !== 0) stream.receive(Buffer.alloc(0), true);
    this.#options.onStream(stream);
  }

  #makeLink(): StreamLink {
    return {
      budget: new InputBudget(MAX_INPUT_BYTES, (isFull) => (isFull ? this.#hold('input') : this.#release('input'))),
      sendData: (streamId, chunks, done) => {
        this.#options.onActivity();
        this.#output.data(streamId, chunks, done);
      },
      sendFin: (streamId, done) => this.#output.fin(streamId, done),
      closed: (streamId, isWhole) => {
        this.#streams.delete(streamId);
        if (!isWhole) this.#answer(() => this.#output.reset(streamId, RESET.cancel));
      },
    };
  }

  /** The client's are odd; an even one would be the answer to one of ours. */
  #pong(id: number, body: Buffer): void {
    if (id % 2 === 1) this.#answer(() => this.#output.ping(body.subarray(0, 4)));
  }

  /** The client wants nothing more. What is under way is still sent. */
  #goAway(): void {
    this.#tellGone('the client went away');
    this.close().catch((error: unknown) => this.destroy(messageOf(error)));
  }

  #tellGone(why: string): void {
    if (!this.#gone.signal.aborted) this.#gone.abort(new EngineError('cancelled', why));
  }

  /** Sends what does not wait its turn. A client that asks and never reads is not asked what it wants next. */
  #answer(send: () => void): void {
    send();
    if (this.#output.backlogBytes > MAX_BACKLOG_BYTES) this.#hold('backlog');
  }

  #probe(): void {
    if (!this.#holds.has('input')) return;
    const stream = [...this.#streams.values()].find(({ writableEnded }) => !writableEnded);
    if (stream !== undefined) this.#output.probe(stream.id);
  }

  #hold(reason: Hold): void {
    this.#holds.add(reason);
    this.#transport.pause();
  }

  #release(reason: Hold): void {
    if (!this.#holds.delete(reason) || this.#holds.size > 0) return;
    this.#parse();
    if (this.#holds.size === 0) this.#transport.resume();
  }
}

/** The least number of bytes that the body of a frame has. */
const LEAST_BODY: ReadonlyMap<number, number> = new Map([
  [FRAME.synStream, 10],
  [FRAME.synReply, 4],
  [FRAME.rstStream, 8],
  [FRAME.ping, 4],
  [FRAME.goAway, 4],
  [FRAME.headers, 4],
]);

/** Ends the stream; resolves when that has been handed to the transport, or the stream is destroyed. */
async function sentWhole(stream: SpdyStream): Promise<void> {
  stream.end();
  await finished(stream, { readable: false }).catch(() => undefined);
}
