/** Telemetry's door, for main. */
export { createCallContext } from './call-context.ts';
export type { CallContext } from './call-context.ts';
export { createLogger } from './logger.ts';
export type { Logger, LoggerOptions, LogLevel } from './logger.ts';
export { createMetrics } from './metrics.ts';
export type { CallResult, Metrics, StateGauge, StepResult } from './metrics.ts';
export { addEngineMetrics } from './engine-metrics.ts';
export type { EngineMetrics } from './engine-metrics.ts';
export { loadTracer } from './traces/tracer.ts';
export type { SpanStart, Tracer } from './traces/tracer.ts';
export { serveMetrics } from './metrics-server.ts';
export type { MetricsServer, MetricsServerDeps } from './metrics-server.ts';
