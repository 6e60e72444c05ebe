/** What a piece of work is called in a trace. */
export interface SpanStart {
  readonly name: string;
  readonly kind: 'server' | 'internal' | 'client';
  readonly attributes: Readonly<Record<string, string>>;
}

/** Makes spans. Without a collector there is none, and nothing of it is loaded. */
export interface Tracer extends AsyncDisposable {
  /** Runs the work of a caller, whose trace it becomes a part of: `header` reads what the caller sent along. */
  root<T>(span: SpanStart, header: (name: string) => string | undefined, work: () => Promise<T>): Promise<T>;
  /** Runs a part of the work under way; outside of any, just runs it. */
  child<T>(span: SpanStart, work: () => Promise<T>): Promise<T>;
  /** For calls that are made now: the trace that they belong to. */
  headers(): Readonly<Record<string, string>>;
  /** The trace of the work under way; undefined outside of any, and for one that is not sent. */
  traceId(): string | undefined;
}

export interface TracerDeps {
  readonly version: string;
  /** Told when spans cannot be sent. */
  readonly warn: (message: string) => void;
}

/**
 * The tracer that this process' variables ask for (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER and their like);
 * undefined when they ask for none. Throws when they cannot be carried out.
 */
export async function loadTracer(deps: TracerDeps): Promise<Tracer | undefined> {
  if (!isAskedFor(process.env)) return undefined;
  // A bundle of its own, with OpenTelemetry's SDK: a davitd that is not traced does not read it.
  const { createOtlpTracer } = await import('./otlp-tracer.ts');
  return createOtlpTracer(deps);
}

function isAskedFor(env: NodeJS.ProcessEnv): boolean {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return false;
  const exporter = env['OTEL_TRACES_EXPORTER']?.trim() ?? '';
  if (exporter !== '') return exporter !== 'none';
  return [env['OTEL_EXPORTER_OTLP_ENDPOINT'], env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']].some(
    (endpoint) => endpoint !== undefined && endpoint.trim() !== '',
  );
}
