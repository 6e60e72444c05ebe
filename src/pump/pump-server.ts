import { chmodSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { MessageLines } from '../sys/pump-messages.ts';
import { parseRequest, requestId } from './parse-params.ts';
import {
  MAX_MESSAGE_BYTES,
  type OpName,
  type Ops,
  type PumpEvent,
  type Reply,
  type Request,
  type ServerMessage,
} from '../sys/pump-protocol.ts';
import { messageOf, PumpError } from './pump-error.ts';
import type { PumpLog } from './pump-log.ts';

/** What carries each op out; all of them at once, before the next message is looked at. */
export type Handlers = { readonly [Name in OpName]: (params: Ops[Name]['params']) => Ops[Name]['result'] };

const SOCKET_MODE = 0o600;

/** Serves the protocol on a unix socket. The caller holds the lock of the folder that the socket is in. */
export class PumpServer {
  readonly #path: string;
  readonly #handlers: Handlers;
  readonly #log: PumpLog;
  readonly #connections = new Set<Socket>();
  readonly #server: Server;
  #inode: bigint | undefined;

  constructor(path: string, handlers: Handlers, log: PumpLog) {
    this.#path = path;
    this.#handlers = handlers;
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

  /** Tells every connection. */
  publish(event: PumpEvent): void {
    for (const socket of this.#connections) send(socket, event);
  }

  close(): void {
    if (this.reachable) rmSync(this.#path);
    this.#server.close();
    for (const socket of this.#connections) socket.destroy();
  }

  #serve(socket: Socket): void {
    const lines = new MessageLines(MAX_MESSAGE_BYTES);
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('error', (error) => this.#log.warn('a connection broke', { problem: error.message }));
    socket.on('data', (chunk) => {
      try {
        for (const line of lines.push(chunk)) this.#answer(socket, JSON.parse(line));
      } catch (error) {
        this.#log.warn('a connection sent what is no message; closed it', { problem: messageOf(error) });
        socket.destroy();
      }
    });
  }

  #answer(socket: Socket, message: unknown): void {
    const id = requestId(message);
    if (id === undefined) throw new PumpError('invalid-argument', 'a message has no id');
    send(socket, this.#reply(id, message));
  }

  #reply(id: number, message: unknown): Reply {
    try {
      return { id, result: this.#handle(parseRequest(message)) };
    } catch (error) {
      const kind = error instanceof PumpError ? error.kind : 'internal';
      if (kind === 'internal') this.#log.error('a request failed', { problem: messageOf(error) });
      return { id, error: { kind, message: messageOf(error) } };
    }
  }

  #handle<Name extends OpName>(request: Request<Name>): Ops[Name]['result'] {
    return this.#handlers[request.op](request.params);
  }
}

function send(socket: Socket, message: ServerMessage): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
