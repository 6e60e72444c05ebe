import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** How a call ended, as gRPC servers are counted elsewhere too. */
export interface CallResult {
  /** The service's full name, e.g. runtime.v1.RuntimeService. */
  readonly service: string;
  readonly method: string;
  /** The status code's name, e.g. OK or NOT_FOUND. */
  readonly code: string;
  readonly seconds: number;
}

/** A step of an engine's operation that ended; see the engine's StepReport. */
export interface StepResult {
  readonly op: string;
  readonly step: string;
  readonly durationMs: number;
  /** Absent when it succeeded. */
  readonly error?: unknown;
}

/** One search for what no record owns; see the engine's ReconcileReport. */
export interface ReconcileResult {
  readonly durationMs: number;
  /** Kinds, once for each thing. */
  readonly removed: readonly string[];
  readonly failed: readonly string[];
  readonly kept: readonly { readonly kind: string; readonly reason: string }[];
  /** Absent when everything could be looked at. */
  readonly error?: unknown;
}

export interface StateGauge {
  readonly name: string;
  readonly help: string;
  /** Every state there is: those that no object is in are shown as 0. */
  readonly states: readonly string[];
  /** The state of each object now; called at each scrape, must answer from memory. */
  readonly read: () => Iterable<string>;
}

export interface Metrics {
  /** Our own, never prom-client's global one; other subsystems put their figures here. */
  readonly registry: Registry;
  callStarted(service: string, method: string): void;
  callEnded(result: CallResult): void;
  stepEnded(result: StepResult): void;
  reconciled(result: ReconcileResult): void;
  /** A container ended and nobody could learn how. */
  exitStatusLost(): void;
  addStateGauge(gauge: StateGauge): void;
  /** Prometheus' text format. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** A mount takes a fraction of a millisecond, a CNI plugin tens, a runtime's start tens to hundreds. */
const STEP_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Reads answer in well under a millisecond, a stop may take its pod's grace period, a pull minutes. */
const CALL_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** Gauges that are called like counters; the figures are in others, too, by type. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** `orphanKinds`: all that a search may remove, shown as 0 from the start. */
export function createMetrics(version: string, orphanKinds: readonly string[] = []): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const registers = [registry];
  new Gauge({
    name: 'davit_build_info',
    help: 'Always 1; the label says which davit this is.',
    labelNames: ['version'],
    registers,
  }).set({ version }, 1);
  const calls = callMetrics(registers);
  const statusesLost = new Counter({
    name: 'davit_container_exit_status_lost_total',
    help: 'Containers that ended while nobody could learn their exit status: davitd, and shim or containerd, were away.',
    registers,
  });
  return {
    registry,
    ...calls,
    stepEnded: stepMetrics(registers),
    reconciled: reconcileMetrics(registers, orphanKinds),
    exitStatusLost: () => statusesLost.inc(),
    addStateGauge: (gauge) => registry.registerMetric(stateGauge(gauge)),
    render: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}

function callMetrics(registers: Registry[]): Pick<Metrics, 'callStarted' | 'callEnded'> {
  const handled = new Counter({
    name: 'davit_grpc_server_handled_total',
    help: 'Calls that ended, by method and status code.',
    labelNames: ['grpc_service', 'grpc_method', 'grpc_code'],
    registers,
  });
  const seconds = new Histogram({
    name: 'davit_grpc_server_handling_seconds',
    help: 'Time from a call to its answer, by method.',
    labelNames: ['grpc_service', 'grpc_method'],
    buckets: CALL_SECONDS,
    registers,
  });
  const inFlight = new Gauge({
    name: 'davit_grpc_server_in_flight',
    help: 'Calls that have not ended.',
    labelNames: ['grpc_service', 'grpc_method'],
    registers,
  });
  return {
    callStarted: (service, method) => inFlight.inc({ grpc_service: service, grpc_method: method }),
    callEnded: (result) => {
      const labels = { grpc_service: result.service, grpc_method: result.method };
      inFlight.dec(labels);
      handled.inc({ ...labels, grpc_code: result.code });
      seconds.observe(labels, result.seconds);
    },
  };
}

function stepMetrics(registers: Registry[]): Metrics['stepEnded'] {
  const seconds = new Histogram({
    name: 'davit_step_seconds',
    help: "Time of the steps of the engine's operations, failed ones too.",
    labelNames: ['op', 'step'],
    buckets: STEP_SECONDS,
    registers,
  });
  const failures = new Counter({
    name: 'davit_step_failures_total',
    help: "Steps of the engine's operations that failed and were undone.",
    labelNames: ['op', 'step'],
    registers,
  });
  return ({ op, step, durationMs, error }) => {
    seconds.observe({ op, step }, durationMs / 1000);
    if (error !== undefined) failures.inc({ op, step });
  };
}

function reconcileMetrics(registers: Registry[], kinds: readonly string[]): Metrics['reconciled'] {
  const removed = new Counter({
    name: 'davit_reconcile_orphans_removed_total',
    help: 'Things of davit that no record owned and that were removed, by kind.',
    labelNames: ['kind'],
    registers,
  });
  const failures = new Counter({
    name: 'davit_reconcile_removal_failures_total',
    help: 'Removals of such things that failed; each search tries again.',
    labelNames: ['kind'],
    registers,
  });
  for (const kind of kinds) for (const counter of [removed, failures]) counter.inc({ kind }, 0);
  const kept = new Gauge({
    name: 'davit_reconcile_orphans_kept',
    help: 'Things of davit that no record owns and that the last search left alone, by kind and reason.',
    labelNames: ['kind', 'reason'],
    registers,
  });
  const seconds = new Histogram({
    name: 'davit_reconcile_duration_seconds',
    help: 'Time of the searches for what no record owns.',
    buckets: STEP_SECONDS,
    registers,
  });
  const success = new Gauge({
    name: 'davit_reconcile_last_success_timestamp_seconds',
    help: 'When the last search ended that could look at everything.',
    registers,
  });
  return (result) => {
    for (const kind of result.removed) removed.inc({ kind });
    for (const kind of result.failed) failures.inc({ kind });
    kept.reset();
    for (const labels of result.kept) kept.inc({ ...labels });
    seconds.observe(result.durationMs / 1000);
    if (result.error === undefined) success.setToCurrentTime();
  };
}

function stateGauge(options: StateGauge): Gauge {
  return new Gauge({
    name: options.name,
    help: options.help,
    labelNames: ['state'],
    registers: [], // the caller's
    collect() {
      const counts = new Map(options.states.map((state) => [state, 0]));
      for (const state of options.read()) counts.set(state, (counts.get(state) ?? 0) + 1);
      for (const [state, count] of counts) this.set({ state }, count);
    },
  });
}
