import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { EngineError, messageOf } from '../../errors.ts';
import { decodeResponse, encodeRequest, FrameParser, RESPONSE } from './frames.ts';
import type { TtrpcRequest, TtrpcResponse } from './frames.ts';

/** The other side has ended, or nobody listens there: what was asked will never be answered. */
export class ShimGone extends EngineError {
  constructor(path: string, why: string, cause?: unknown) {
    super('unavailable', `the shim at ${path} is gone: ${why}`, { cause });
  }
}

type Pending = PromiseWithResolvers<TtrpcResponse>;

/**
 * One connection to a unix socket that speaks ttrpc. It is there while calls are under way: the last one to end closes it,
 * so that no shim finds a client when it wants to end. Not used again after that.
 */
export class TtrpcConnection {
  readonly #path: string;
  readonly #socket: Socket;
  readonly #parser = new FrameParser();
  readonly #pending = new Map<number, Pending>();
  readonly #onClosed: () => void;
  #lastStream = -1;
  #problem: Error | undefined;

  /** Begins to connect. `onClosed` is called once, when no further call may be made. */
  constructor(path: string, onClosed: () => void) {
    this.#path = path;
    this.#onClosed = onClosed;
    this.#socket = connect(path);
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.once('error', (error) => (this.#problem = error));
    this.#socket.once('close', () => this.#closed());
  }

  /** The answer, an error of the other side too. Rejects with ShimGone, with `unavailable`, or with the signal's reason. */
  async call(request: TtrpcRequest, signal: AbortSignal): Promise<TtrpcResponse> {
    signal.throwIfAborted();
    this.#lastStream += 2;
    const stream = this.#lastStream;
    const pending: Pending = Promise.withResolvers();
    this.#pending.set(stream, pending);
    const abort = (): void => pending.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#socket.write(encodeRequest(stream, request));
    try {
      return await pending.promise;
    } finally {
      signal.removeEventListener('abort', abort);
      this.#pending.delete(stream);
      if (this.#pending.size === 0) this.#close();
    }
  }

  #receive(chunk: Buffer): void {
    try {
      for (const { stream, type, payload } of this.#parser.push(chunk)) {
        if (type === RESPONSE) this.#pending.get(stream)?.resolve(decodeResponse(payload));
      }
    } catch (error) {
      this.#problem = new Error(`what it says cannot be read: ${messageOf(error)}`, { cause: error });
      this.#socket.destroy();
    }
  }

  #close(): void {
    this.#onClosed();
    this.#socket.destroy();
  }

  #closed(): void {
    this.#onClosed();
    for (const pending of this.#pending.values()) pending.reject(this.#failure());
  }

  #failure(): EngineError {
    const problem = this.#problem;
    if (problem === undefined) return new ShimGone(this.#path, 'it has closed the connection');
    const code = 'code' in problem ? problem.code : undefined;
    if (code === 'ECONNREFUSED') return new ShimGone(this.#path, 'nobody listens there any more', problem);
    if (code === 'ECONNRESET' || code === 'EPIPE') return new ShimGone(this.#path, 'the connection broke', problem);
    return new EngineError('unavailable', `the shim at ${this.#path} cannot be asked: ${problem.message}`, {
      cause: problem,
    });
  }
}
