import { chmod } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { EngineError } from '../engine/index.ts';
import { Calls } from './calls.ts';
import { unimplemented } from './handler.ts';
import type { Handler } from './handler.ts';
import { interceptStream, interceptUnary } from './interceptor.ts';
import type { InterceptorDeps } from './interceptor.ts';
import { prepareSocketPath } from './socket.ts';

export interface RpcServerOptions {
  /** Absolute path of the unix socket. */
  readonly socketPath: string;
  /** The socket's mode, e.g. 0o660. */
  readonly mode: number;
  /** Every method that there is; one without a handler answers UNIMPLEMENTED. */
  readonly paths: readonly string[];
  /** How long running calls may go on after close(); 10 s unless said otherwise. */
  readonly drainMs?: number;
}

export interface RpcServer {
  /** Calls that have not ended, without those that go on until the caller leaves. */
  readonly inFlight: number;
  /** Resolves once the socket takes calls. Throws when something else serves it or lies in its place. */
  listen(): Promise<void>;
  /**
   * Takes no more calls, lets the running ones end, then aborts what still runs and ends all connections. `hurry` cuts
   * the waiting short. Idempotent.
   */
  close(hurry?: AbortSignal): Promise<void>;
}

const DRAIN_MS = 10_000;
/** For the answers of aborted calls to reach their callers. */
const LAST_ANSWERS_MS = 500;
/** Only the owner may touch the socket before its mode is set. */
const SOCKET_UMASK = 0o077;

/** The kubelet sends at most this much. */
const MAX_RECEIVE_BYTES = 16 * 1024 * 1024;
/** Of one connection; the kubelet has one, and some calls of a stop or a pull take minutes. */
const MAX_CONCURRENT_STREAMS = 1_000;

/** gRPC on a unix socket. */
export function createRpcServer(
  options: RpcServerOptions,
  handlers: readonly Handler[],
  deps: Omit<InterceptorDeps, 'calls'>,
): RpcServer {
  const calls = new Calls();
  const server = new Server({
    'grpc.max_receive_message_length': MAX_RECEIVE_BYTES,
    'grpc.max_concurrent_streams': MAX_CONCURRENT_STREAMS,
  });
  register(server, options.paths, handlers, { ...deps, calls });
  let closing: Promise<void> | undefined;
  return {
    get inFlight() {
      return calls.size;
    },
    listen: () => listen(server, options),
    close: (hurry) => (closing ??= drain(server, calls, options.drainMs ?? DRAIN_MS, hurry)),
  };
}

/** Bytes pass grpc-js as they are: the interceptor decodes and encodes, so that it sees failures. */
function register(server: Server, paths: readonly string[], handlers: readonly Handler[], deps: InterceptorDeps): void {
  const built = new Map(handlers.map((handler) => [handler.path, handler]));
  for (const path of paths) {
    // A refusal looks the same on the wire for a method that would stream.
    const handler = built.get(path) ?? unimplemented(path);
    if (handler.kind === 'unary') server.register(path, interceptUnary(handler, deps), asIs, asIs, 'unary');
    else server.register(path, interceptStream(handler, deps), asIs, asIs, 'serverStream');
  }
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

async function listen(server: Server, { socketPath, mode }: RpcServerOptions): Promise<void> {
  await prepareSocketPath(socketPath);
  const umask = process.umask(SOCKET_UMASK);
  try {
    await bind(server, socketPath);
  } finally {
    process.umask(umask);
  }
  await chmod(socketPath, mode);
}

function bind(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
    if (error === null) resolve();
    else reject(new EngineError('unavailable', `socket ${path}: ${error.message}`, { cause: error }));
  });
  return promise;
}

async function drain(server: Server, calls: Calls, drainMs: number, hurry: AbortSignal | undefined): Promise<void> {
  const { promise: drained, resolve } = Promise.withResolvers<void>();
  const stopping = new EngineError('unavailable', 'davitd is stopping; ask again once it is back');
  server.tryShutdown(() => resolve());
  calls.abortEndless(stopping);
  await Promise.race([drained, pause(drainMs, hurry)]);
  calls.abortAll(stopping);
  await Promise.race([drained, pause(LAST_ANSWERS_MS, hurry)]);
  server.forceShutdown();
}

/** Does not keep the process alive; ends early, and without an error, on the signal. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) }).catch(() => undefined);
}
