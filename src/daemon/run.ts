import { join } from 'node:path';
import { createAdminServer } from '../admin/index.ts';
import type { CheckedConfig, Config } from '../config/index.ts';
import { createCriServer, createStreamingServer, engineTargets } from '../cri/index.ts';
import type { StreamingServer } from '../cri/index.ts';
import { ORPHAN_KINDS } from '../engine/index.ts';
import type { Engine, EngineDeps, EngineRuntime } from '../engine/index.ts';
import type { RpcServer } from '../rpc/index.ts';
import { addEngineMetrics, createMetrics, loadTracer, serveMetrics } from '../telemetry/index.ts';
import type { CallContext, Logger, Metrics, MetricsServer, Tracer } from '../telemetry/index.ts';
import { VERSION } from '../version.ts';
import { aroundCall } from './around-call.ts';
import { handleSignals, sigusr1IsDisabled } from './signals.ts';
import { createInstruments, pullObserver } from './instruments.ts';
import { addNodeMetrics } from './node-metrics.ts';
import { createNotifier } from './notifier.ts';
import type { Notifier } from './notifier.ts';
import { Reloader } from './reload.ts';
import type { ReloadReport } from './reload.ts';
import { SelfCheck } from './self-check.ts';
import { renderState, writeStateDump } from './state-dump.ts';
import type { DumpDeps } from './state-dump.ts';
import { addOutputMetrics } from './output-metrics.ts';
import { addStateGauges } from './state-gauges.ts';

export interface DaemonDeps {
  readonly logger: Logger;
  /** What the log's lines know of the call that they are written in. */
  readonly calls: CallContext;
  /** Reads the configuration anew. */
  readonly readConfig: () => CheckedConfig;
  readonly createEngine: (deps: Omit<EngineDeps, 'entries' | 'version'>) => Promise<EngineRuntime>;
}

/** For a start that is under way when davitd is told to stop. */
const START_ABORT_MS = 5_000;
/** How often davitd asks itself. */
const CHECK_INTERVAL_MS = 10_000;

/**
 * davitd from the first line of its log to the last: serves, starts the engine behind, and on SIGTERM or SIGINT drains
 * and closes; containers keep running. Resolves with the exit code; rejects when it cannot begin to serve.
 */
export async function runDaemon(config: Config, deps: DaemonDeps): Promise<number> {
  const { logger } = deps;
  logger.info({ version: VERSION, node: process.version, listen: config.listen }, 'davitd starts');
  if (!sigusr1IsDisabled()) {
    logger.warn('Node was started without --disable-sigusr1: until now SIGUSR1 could have opened its inspector');
  }
  const metrics = createMetrics(VERSION, ORPHAN_KINDS);
  await using tracer = await loadTracer({ version: VERSION, warn: (message) => logger.warn(message) });
  if (tracer !== undefined) logger.info('calls are traced');
  const runtime = await measuredEngine(deps, metrics, tracer);
  const { engine } = runtime;
  const streaming = createStreamingServer({ settings: config.streaming, targets: engineTargets(engine), logger });
  const around = aroundCall(deps.calls, tracer);
  const socketPath = socketPathOf(config.listen);
  const server = createCriServer({ socketPath, version: VERSION }, { engine, streaming, log: logger, metrics, around });
  const notifier = createNotifier({ env: process.env, pid: process.pid, logger });
  await using health = new SelfCheck({
    socketPath,
    intervalMs: checkInterval(notifier.watchdogMs),
    logger,
    onAlive: () => notifier.alive(),
  });
  const reloader = new Reloader(config, { read: deps.readConfig, runtime, logger });
  const reload = (): Promise<ReloadReport> => {
    notifier.reloading();
    return reloader.reload().finally(() => notifier.ready());
  };
  const dump = { engine, version: VERSION, inFlight: () => server.inFlight };
  const admin = createAdminServer(adminSocketOf(config), {
    engine,
    health,
    dump: () => renderState(dump, new Date()),
    reload,
    log: logger,
    metrics,
    around,
  });
  const servers = { server, streaming, admin, health, notifier };
  const stop = takeSignals(config, logger, { server, dump, reload });
  await streaming.listen();
  await server.listen();
  try {
    await admin.listen();
    await using metricsServer = await serveMetricsIfAsked(config.metricsAddress, metrics, engine, health);
    if (metricsServer !== undefined) logger.info(metricsServer.address, 'metrics are served');
    // Whether containerd is there or not, which the service manager need not wait for: status is answered.
    void health.start().then(() => {
      notifier.ready();
      if (!engine.isReady()) notifier.status('waiting for containerd, then finding what runs');
    });
    return await serveUntilStopped(runtime, servers, stop, logger);
  } finally {
    await admin.close(AbortSignal.abort());
    await server.close(AbortSignal.abort());
    await streaming.close(AbortSignal.abort());
  }
}

/** The engine, with all that is measured of it. */
async function measuredEngine(
  { logger, createEngine }: DaemonDeps,
  metrics: Metrics,
  tracer: Tracer | undefined,
): Promise<EngineRuntime> {
  const engineMetrics = addEngineMetrics(metrics.registry);
  const runtime = await createEngine({
    logger,
    instruments: createInstruments(engineMetrics, tracer),
    pulls: pullObserver(engineMetrics),
    stepEnded: (report) => metrics.stepEnded(report),
    reconciled: (report) => metrics.reconciled(report),
    exitStatusLost: () => metrics.exitStatusLost(),
  });
  const { engine } = runtime;
  addStateGauges(metrics, engine);
  addNodeMetrics(metrics.registry, engine, VERSION);
  addOutputMetrics(metrics.registry, engine);
  return runtime;
}

async function serveMetricsIfAsked(
  address: string,
  metrics: Metrics,
  engine: Engine,
  health: SelfCheck,
): Promise<MetricsServer | undefined> {
  if (address === '') return undefined;
  return serveMetrics(address, {
    render: () => metrics.render(),
    isHealthy: () => health.isServing,
    unready: () => unready(engine),
  });
}

function unready(engine: Pick<Engine, 'isReady' | 'outputHealth'>): string | undefined {
  const { problem } = engine.outputHealth();
  const pump = problem === undefined ? [] : [`davit-pump: ${problem}`];
  const reasons = engine.isReady() ? pump : ['starting', ...pump];
  return reasons.length === 0 ? undefined : reasons.join('; ');
}

interface StopSignals {
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly asked: AbortSignal;
  /** Aborted by the second. */
  readonly hurry: AbortSignal;
}

function takeSignals(
  config: Config,
  logger: Logger,
  { server, dump, reload }: { server: RpcServer; dump: DumpDeps; reload: () => Promise<unknown> },
): StopSignals {
  const asked = new AbortController();
  const hurry = new AbortController();
  handleSignals({
    stop: (signal) => {
      logger.info({ signal, callsInFlight: server.inFlight }, 'davitd stops; containers keep running');
      asked.abort();
    },
    hurry: (signal) => {
      logger.warn({ signal }, 'davitd stops without waiting any longer');
      hurry.abort();
    },
    reload: () => void reload(),
    dump: () => {
      writeStateDump(config.state, dump).then(
        (path) => logger.info({ path }, 'state dumped'),
        (error: unknown) => logger.error({ err: error }, 'the state could not be dumped'),
      );
    },
    ignored: (signal) => logger.warn({ signal }, 'signal ignored'),
  });
  return { asked: asked.signal, hurry: hurry.signal };
}

interface Servers {
  readonly server: RpcServer;
  readonly streaming: StreamingServer;
  readonly admin: RpcServer;
  readonly health: SelfCheck;
  readonly notifier: Notifier;
}

async function serveUntilStopped(
  runtime: EngineRuntime,
  { server, streaming, admin, health, notifier }: Servers,
  stop: StopSignals,
  logger: Logger,
): Promise<number> {
  const { engine } = runtime;
  const aborter = new AbortController();
  const began = performance.now();
  const started = runtime.start(aborter.signal).then(
    () => {
      logger.info(
        { ms: Math.round(performance.now() - began), containerd: engine.containerdVersion() },
        'davitd is ready',
      );
      notifier.status('ready');
      return undefined;
    },
    (error: unknown) => ({ error }),
  );
  const failure = await Promise.race([aborted(stop.asked), started.then((failed) => failed ?? aborted(stop.asked))]);
  if (failure !== undefined) logger.fatal({ err: failure.error }, 'davitd cannot start');
  notifier.stopping();
  health.stopped();
  if (failure === undefined && !engine.isReady()) {
    // Nobody's call can end while nothing is restored: there is nothing to drain.
    aborter.abort(new Error('davitd stops'));
    await Promise.race([started, aborted(AbortSignal.timeout(START_ABORT_MS))]);
    await server.close(AbortSignal.abort());
  }
  const hurry = failure === undefined ? stop.hurry : AbortSignal.abort();
  await Promise.all([server.close(hurry), streaming.close(hurry), admin.close(hurry)]);
  await runtime.close().catch((error: unknown) => logger.error({ err: error }, 'not everything could be closed'));
  logger.info('davitd has stopped');
  return failure === undefined ? 0 : 1;
}

/** Signs of life come three times as often as they are asked for. */
function checkInterval(watchdogMs: number | undefined): number {
  return watchdogMs === undefined ? CHECK_INTERVAL_MS : Math.min(CHECK_INTERVAL_MS, watchdogMs / 3);
}

function adminSocketOf({ adminListen, state }: Config): string {
  return adminListen === 'auto' ? join(state, 'admin.sock') : socketPathOf(adminListen);
}

/** `unix:///run/davit/davit.sock` → `/run/davit/davit.sock`; the configuration has checked the form. */
function socketPathOf(address: string): string {
  return address.replace(/^unix:\/\//, '');
}

function aborted(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  signal.addEventListener('abort', () => resolve(undefined), { once: true });
  if (signal.aborted) resolve(undefined);
  return promise;
}
