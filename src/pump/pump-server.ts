import { chmodSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { MessageLines } from '../sys/pump-messages.ts';
import { parseRequest, requestId } from './parse-params.ts';
import {
  ATTACH_PROTOCOL_VERSION,
  MAX_MESSAGE_BYTES,
  OLDEST_PROTOCOL_VERSION,
  type AttachParams,
  type OpName,
  type Ops,
  type PumpEvent,
  type Request,
  type ServerMessage,
} from '../sys/pump-protocol.ts';
import { messageOf, PumpError } from './pump-error.ts';
import type { PumpLog } from './pump-log.ts';

type MessageOp = Exclude<OpName, 'attach'>;

/** What carries each op out; all of them at once, before the next message is looked at. */
export type Handlers = { readonly [Name in MessageOp]: (params: Ops[Name]['params']) => Ops[Name]['result'] };

/** Returns what takes the connection over once the reply has been written. */
export type AttachHandler = (params: AttachParams) => (socket: Socket) => void;

interface Connection {
  readonly socket: Socket;
  /** What the client's hello has said that it knows. */
  protocol: number;
}

const SOCKET_MODE = 0o600;
/** A client that has not said hello is told of no event: it may be one that attaches, whose first message is the reply. */
const SAID_NOTHING = 0;
/** The protocol that each event came with: an older client would take it for another one. */
const EVENT_SINCE: Readonly<Record<PumpEvent['event'], number>> = {
  ended: OLDEST_PROTOCOL_VERSION,
  'stdin-closed': ATTACH_PROTOCOL_VERSION,
};

/** Serves the protocol on a unix socket. The caller holds the lock of the folder that the socket is in. */
export class PumpServer {
  readonly #path: string;
  readonly #handlers: Handlers;
  readonly #attach: AttachHandler;
  readonly #log: PumpLog;
  readonly #connections = new Set<Connection>();
  /** Sockets that carry frames, not messages. */
  readonly #attached = new Set<Socket>();
  readonly #server: Server;
  #inode: bigint | undefined;

  constructor(path: string, handlers: Handlers, attach: AttachHandler, log: PumpLog) {
    this.#path = path;
    this.#handlers = handlers;
    this.#attach = attach;
    this.#log = log;
    this.#server = createServer();
  }

  /** Listens; a socket that a dead pump left is replaced. */
  async listen(): Promise<void> {
    // Node removes the path that it listened at when it closes, whosever socket is there by then: so it never listens at ours.
    const made = `${this.#path}.new`;
    rmSync(made, { force: true });
    this.#server.on('connection', (socket) => this.#serve(socket));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(made, resolve);
    await promise;
    this.#server.off('error', reject);
    this.#server.on('error', (error) => this.#log.warn('a connection was not accepted', { problem: error.message }));
    chmodSync(made, SOCKET_MODE);
    renameSync(made, this.#path);
    this.#inode = inodeOf(this.#path);
  }

  /** Whether clients still find this pump: its socket was neither removed nor replaced. */
  get reachable(): boolean {
    return this.#inode !== undefined && inodeOf(this.#path) === this.#inode;
  }

  /** How many connections are attached to containers, those included that have not taken their end yet. */
  get attached(): number {
    return this.#attached.size;
  }

  /** Tells every connection that knows the event. */
  publish(event: PumpEvent): void {
    for (const { socket, protocol } of this.#connections) {
      if (protocol >= EVENT_SINCE[event.event]) send(socket, event);
    }
  }

  close(): void {
    if (this.reachable) rmSync(this.#path);
    this.#server.close();
    for (const { socket } of this.#connections) socket.destroy();
    for (const socket of this.#attached) socket.destroy();
  }

  #serve(socket: Socket): void {
    const connection: Connection = { socket, protocol: SAID_NOTHING };
    const lines = new MessageLines(MAX_MESSAGE_BYTES);
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
    socket.on('error', (error) => this.#log.warn('a connection broke', { problem: error.message }));
    socket.on('data', (chunk) => {
      try {
        for (const line of lines.push(chunk)) this.#answer(connection, JSON.parse(line));
      } catch (error) {
        this.#log.warn('a connection sent what is no message; closed it', { problem: messageOf(error) });
        socket.destroy();
      }
    });
  }

  #answer(connection: Connection, message: unknown): void {
    const id = requestId(message);
    if (id === undefined) throw new PumpError('invalid-argument', 'a message has no id');
    if (!this.#connections.has(connection)) throw new PumpError('invalid-argument', 'a message after an attach');
    try {
      const request = parseRequest(message);
      if (isHello(request)) connection.protocol = request.params.protocol;
      if (isAttach(request)) this.#handOver(connection, request);
      else if (isMessage(request)) send(connection.socket, { id, result: this.#handle(request) });
    } catch (error) {
      const kind = error instanceof PumpError ? error.kind : 'internal';
      if (kind === 'internal') this.#log.error('a request failed', { problem: messageOf(error) });
      send(connection.socket, { id, error: { kind, message: messageOf(error) } });
    }
  }

  /** From the reply on the connection is the container's. */
  #handOver(connection: Connection, { id, params }: Request<'attach'>): void {
    const takeOver = this.#attach(params);
    const { socket } = connection;
    this.#connections.delete(connection);
    this.#attached.add(socket);
    socket.removeAllListeners('data').removeAllListeners('error');
    socket.on('close', () => this.#attached.delete(socket));
    send(socket, { id, result: {} });
    takeOver(socket);
  }

  #handle<Name extends MessageOp>(request: Request<Name>): Ops[Name]['result'] {
    return this.#handlers[request.op](request.params);
  }
}

function isAttach(request: Request): request is Request<'attach'> {
  return request.op === 'attach';
}

function isMessage(request: Request): request is Request<MessageOp> {
  return request.op !== 'attach';
}

function isHello(request: Request): request is Request<'hello'> {
  return request.op === 'hello';
}

function send(socket: Socket, message: ServerMessage): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
