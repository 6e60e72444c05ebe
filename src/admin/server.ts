import type { Engine } from '../engine/index.ts';
import { createRpcServer } from '../rpc/index.ts';
import type { Around, CallMetrics, RpcLogger, RpcServer } from '../rpc/index.ts';
import { Admin } from './generated/admin.js';
import { Health } from './generated/health.js';
import { adminHandlers } from './handlers.ts';
import type { AdminVerbs, Reload } from './handlers.ts';
import { healthHandlers } from './health.ts';
import type { HealthSource } from './health.ts';

export interface AdminServerDeps {
  readonly engine: AdminVerbs & Pick<Engine, 'ready'>;
  readonly health: HealthSource;
  /** All that davitd knows, as JSON. */
  readonly dump: () => string;
  /** Reads the configuration again. */
  readonly reload: Reload;
  readonly log: RpcLogger;
  readonly metrics: CallMetrics;
  readonly around: Around;
}

/** Root's alone: a dump names everything on the node. */
const SOCKET_MODE = 0o600;

/** What operators ask of davitd, and gRPC's health service, on a unix socket of their own. */
export function createAdminServer(socketPath: string, deps: AdminServerDeps): RpcServer {
  const { engine, health, dump, reload, log, metrics, around } = deps;
  const paths = [Admin, Health].flatMap((service) => Object.values(service).map(({ path }) => path));
  return createRpcServer(
    { socketPath, mode: SOCKET_MODE, paths },
    [...adminHandlers(engine, dump, reload), ...healthHandlers(health)],
    { ready: (need, signal) => engine.ready(need, signal), log, metrics, around, describe: () => ({}) },
  );
}
