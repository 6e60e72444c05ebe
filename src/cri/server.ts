import { chmod } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { EngineError } from '../engine/index.ts';
import type { Engine } from '../engine/index.ts';
import type { CriLogger } from './access-log.ts';
import { Calls } from './calls.ts';
import type { CallMetrics } from './interceptor.ts';
import { criHandlers, registerCri } from './service.ts';
import { prepareSocketPath } from './socket.ts';
import type { StreamingUrls } from './streams.ts';

export interface CriServerOptions {
  /** Absolute path of the unix socket. */
  readonly socketPath: string;
  /** davit's version, as Version answers it. */
  readonly version: string;
  /** How long running calls may go on after close(); 10 s unless said otherwise. */
  readonly drainMs?: number;
}

export interface CriServerDeps {
  readonly engine: Engine;
  /** Makes the URLs of exec, attach and port forward. */
  readonly streaming: StreamingUrls;
  readonly log: CriLogger;
  readonly metrics: CallMetrics;
}

export interface CriServer {
  /** Calls that have not ended. */
  readonly inFlight: number;
  /** Resolves once the socket, mode 0660, takes calls. Throws when something else serves it or lies in its place. */
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
const SOCKET_MODE = 0o660;
/** Only the owner may touch the socket before its mode is set. */
const SOCKET_UMASK = 0o077;

/** The kubelet sends at most this much. */
const MAX_RECEIVE_BYTES = 16 * 1024 * 1024;
/** Of one connection; the kubelet has one, and some calls of a stop or a pull take minutes. */
const MAX_CONCURRENT_STREAMS = 1_000;

/** CRI on a unix socket: RuntimeService and ImageService, all of their methods. */
export function createCriServer(options: CriServerOptions, deps: CriServerDeps): CriServer {
  const calls = new Calls();
  const server = new Server({
    'grpc.max_receive_message_length': MAX_RECEIVE_BYTES,
    'grpc.max_concurrent_streams': MAX_CONCURRENT_STREAMS,
  });
  registerCri(server, criHandlers(deps.engine, deps.streaming, options.version), {
    ready: (signal) => deps.engine.ready(signal),
    calls,
    log: deps.log,
    metrics: deps.metrics,
  });
  let closing: Promise<void> | undefined;
  return {
    get inFlight() {
      return calls.size;
    },
    listen: () => listen(server, options.socketPath),
    close: (hurry) => (closing ??= drain(server, calls, options.drainMs ?? DRAIN_MS, hurry)),
  };
}

async function listen(server: Server, path: string): Promise<void> {
  await prepareSocketPath(path);
  const umask = process.umask(SOCKET_UMASK);
  try {
    await bind(server, path);
  } finally {
    process.umask(umask);
  }
  await chmod(path, SOCKET_MODE);
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
  server.tryShutdown(() => resolve());
  await Promise.race([drained, pause(drainMs, hurry)]);
  calls.abortAll(new EngineError('unavailable', 'davitd is stopping; ask again once it is back'));
  await Promise.race([drained, pause(LAST_ANSWERS_MS, hurry)]);
  server.forceShutdown();
}

/** Does not keep the process alive; ends early, and without an error, on the signal. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) }).catch(() => undefined);
}
