import type { Engine } from '../engine/index.ts';
import { createRpcServer } from '../rpc/index.ts';
import type { Around, CallMetrics, RpcLogger, RpcServer } from '../rpc/index.ts';
import { describeCalls } from './call-subject.ts';
import { criHandlers, criPaths } from './service.ts';
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
  readonly log: RpcLogger;
  readonly metrics: CallMetrics;
  /** Runs each call, so that its log lines and spans know it. */
  readonly around: Around;
}

/** Whoever may use it runs what they like on the node: root and its group. */
const SOCKET_MODE = 0o660;

/** CRI on a unix socket: RuntimeService and ImageService, all of their methods. */
export function createCriServer({ version, ...options }: CriServerOptions, deps: CriServerDeps): RpcServer {
  const { engine, streaming, log, metrics, around } = deps;
  return createRpcServer(
    { ...options, mode: SOCKET_MODE, paths: criPaths() },
    criHandlers(engine, streaming, version),
    { ready: (need, signal) => engine.ready(need, signal), log, metrics, around, describe: describeCalls(engine) },
  );
}
