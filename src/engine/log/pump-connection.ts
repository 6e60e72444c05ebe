import { connect, type Socket } from 'node:net';
import { MessageLines } from '../../sys/pump-messages.ts';
import {
  MAX_MESSAGE_BYTES,
  PROTOCOL_VERSION,
  type Hello,
  type OpName,
  type Ops,
  type Reply,
  type ServerMessage,
  type Totals,
} from '../../sys/pump-protocol.ts';
import { EngineError, messageOf } from '../errors.ts';

/** The connection ended before the answer came: what was asked may or may not be done. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

interface Pending {
  readonly op: OpName;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** One connection to a pump, from its opening to its end. */
export class PumpConnection {
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #endedWaiters = new Map<string, Set<PromiseWithResolvers<Totals>>>();
  readonly #closed = Promise.withResolvers<Error>();
  readonly #onStdinClosed: (id: string) => void;
  #peer: Hello | undefined;
  #lastId = 0;
  #lost: Error | undefined;

  private constructor(socket: Socket, onStdinClosed: (id: string) => void) {
    this.#socket = socket;
    this.#onStdinClosed = onStdinClosed;
  }

  /**
   * Resolves once the socket is connected; rejects with the system's error. `onStdinClosed` is called when the pump has let
   * go of a container's stdin for good.
   */
  static async open(path: string, onStdinClosed: (id: string) => void): Promise<PumpConnection> {
    const socket = connect(path);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once('connect', resolve);
    socket.once('error', reject);
    await promise;
    socket.off('error', reject);
    const connection = new PumpConnection(socket, onStdinClosed);
    connection.#listen();
    return connection;
  }

  /** Resolves with the reason when the connection has ended. */
  get closed(): Promise<Error> {
    return this.#closed.promise;
  }

  /** Tells the pump what we know, and learns what it is. */
  async hello(): Promise<Hello> {
    this.#peer = await this.request('hello', { protocol: PROTOCOL_VERSION });
    return this.#peer;
  }

  /** Throws unimplemented, and says how to replace it, when the pump knows only older protocols than `protocol`. */
  demand(protocol: number, what: string): void {
    const peer = this.#peer;
    if (peer === undefined || peer.protocol >= protocol) return;
    throw new EngineError(
      'unimplemented',
      `${what}: davit-pump (pid ${peer.pid}, version ${peer.version}) is older than davitd and cannot do it; ` +
        `end it (kill ${peer.pid}) and davitd starts its own, no output is lost`,
    );
  }

  /** Rejects with an EngineError that names the pump and the op, or with ConnectionLost. */
  async request<Name extends OpName>(op: Name, params: Ops[Name]['params']): Promise<Ops[Name]['result']> {
    if (this.#lost !== undefined) throw this.#lost;
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { op, resolve, reject });
    this.#socket.write(`${JSON.stringify({ id, op, params })}\n`);
    return (await promise) as Ops[Name]['result'];
  }

  /** Says that no more writers will come, and resolves with the totals when all output is in the log. */
  async finish(id: string, signal: AbortSignal): Promise<Totals> {
    const waiter = Promise.withResolvers<Totals>();
    const waiters = this.#endedWaiters.get(id) ?? new Set();
    this.#endedWaiters.set(id, waiters.add(waiter));
    const abort = (): void => waiter.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    waiter.promise.catch(() => undefined); // it may be rejected before it is awaited
    try {
      const { ended } = await this.request('finish', { id });
      return ended ?? (await waiter.promise);
    } finally {
      signal.removeEventListener('abort', abort);
      waiters.delete(waiter);
      if (waiters.size === 0) this.#endedWaiters.delete(id);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #listen(): void {
    const lines = new MessageLines(MAX_MESSAGE_BYTES);
    let problem = 'davit-pump closed the connection';
    this.#socket.on('error', (error) => {
      problem = `connection to davit-pump: ${error.message}`;
    });
    this.#socket.on('data', (chunk) => {
      try {
        for (const line of lines.push(chunk)) this.#take(JSON.parse(line) as ServerMessage);
      } catch (error) {
        problem = `davit-pump sent what is no message: ${messageOf(error)}`;
        this.#socket.destroy();
      }
    });
    this.#socket.on('end', () => this.#socket.destroy());
    this.#socket.on('close', () => this.#end(new ConnectionLost(problem)));
  }

  #take(message: ServerMessage): void {
    if ('event' in message) {
      if (message.event === 'stdin-closed') return this.#onStdinClosed(message.id);
      for (const waiter of this.#endedWaiters.get(message.id) ?? []) waiter.resolve(message.totals);
      return;
    }
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#pending.delete(message.id);
    if (message.error === undefined) pending.resolve(message.result);
    else pending.reject(pumpError(pending.op, message.error));
  }

  #end(reason: ConnectionLost): void {
    this.#lost = reason;
    for (const pending of this.#pending.values()) pending.reject(reason);
    this.#pending.clear();
    for (const waiters of this.#endedWaiters.values()) for (const waiter of waiters) waiter.reject(reason);
    this.#closed.resolve(reason);
  }
}

/** The pump's refusal of an op. */
export function pumpError(op: OpName, { kind, message }: NonNullable<Reply['error']>): EngineError {
  return new EngineError(kind, `davit-pump, ${op}: ${message}`);
}
