/**
 * The tracer that sends to a collector: OpenTelemetry's SDK behind the small interface that the rest of davitd knows. The
 * bundle davit-traces.js starts here.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { hostname } from 'node:os';
import {
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  defaultTextMapSetter,
  diag,
  trace,
} from '@opentelemetry/api';
import type { Context, SpanContext, TextMapGetter } from '@opentelemetry/api';
import { AnchoredClock, W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import type { Resource } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { createExporter } from './exporter.ts';
import type { ReportingExporter } from './exporter.ts';
import { readSettings } from './settings.ts';
import type { SpanStart, Tracer, TracerDeps } from './tracer.ts';

/** By the variables of this process. Rejects with an Error that names the one that cannot be carried out. */
export async function createOtlpTracer(deps: TracerDeps): Promise<Tracer> {
  const complaints: string[] = [];
  hear((message) => complaints.push(message));
  try {
    const settings = readSettings(process.env);
    const exporter = await createExporter(settings, deps);
    const provider = new TracerProvider({
      resource: resourceOf(deps.version),
      sampler: settings.sampler,
      spanProcessors: [new BatchSpanProcessor({ exporter, ...settings.batch })],
    });
    // The SDK says so of a variable that it does not understand, and goes on as if it were not set.
    if (complaints.length > 0) throw new Error(complaints.join('; '));
    hear((message) => deps.warn(`traces: ${message}`));
    return new OtlpTracer(provider, exporter, deps);
  } catch (error) {
    diag.disable();
    throw error;
  }
}

const KINDS = {
  server: SpanKind.SERVER,
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
} as const satisfies Record<SpanStart['kind'], SpanKind>;

const SCOPE = 'davit';
/** At davitd's end, for spans that wait: a collector that does not answer holds up no stop for longer. */
const LAST_SEND_MS = 2_000;

type Header = (name: string) => string | undefined;

const CALLERS_HEADERS: TextMapGetter<Header> = { keys: () => [], get: (header, name) => header(name) };

/** Where the work under way stands. */
interface Place {
  readonly context: Context;
  /** One for all spans of a call, so that none seems to begin before the one that it is part of. */
  readonly clock: AnchoredClock;
}

class OtlpTracer implements Tracer {
  readonly #place = new AsyncLocalStorage<Place>();
  readonly #propagator = new W3CTraceContextPropagator();
  readonly #provider: TracerProvider;
  readonly #exporter: ReportingExporter;
  readonly #deps: TracerDeps;

  constructor(provider: TracerProvider, exporter: ReportingExporter, deps: TracerDeps) {
    this.#provider = provider;
    this.#exporter = exporter;
    this.#deps = deps;
  }

  root<T>(span: SpanStart, header: Header, work: () => Promise<T>): Promise<T> {
    const context = this.#propagator.extract(ROOT_CONTEXT, header, CALLERS_HEADERS);
    return this.#run(span, { context, clock: new AnchoredClock(Date, performance) }, work);
  }

  child<T>(span: SpanStart, work: () => Promise<T>): Promise<T> {
    const place = this.#place.getStore();
    return place !== undefined && isSent(place) ? this.#run(span, place, work) : work();
  }

  headers(): Readonly<Record<string, string>> {
    const headers: Record<string, string> = {};
    const place = this.#place.getStore();
    if (place !== undefined) this.#propagator.inject(place.context, headers, defaultTextMapSetter);
    return headers;
  }

  traceId(): string | undefined {
    const place = this.#place.getStore();
    return place !== undefined && isSent(place) ? spanOf(place)?.traceId : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#exporter.giveUp(`not taken within ${LAST_SEND_MS / 1000} s, and davitd ends`);
      late.resolve();
    }, LAST_SEND_MS);
    await Promise.race([this.#provider.shutdown(), late.promise]);
    clearTimeout(timer);
    diag.disable();
  }

  async #run<T>({ name, kind, attributes }: SpanStart, { context, clock }: Place, work: () => Promise<T>): Promise<T> {
    const tracer = this.#provider.getTracer(SCOPE, this.#deps.version);
    const span = tracer.startSpan(name, { kind: KINDS[kind], attributes, startTime: clock.now() }, context);
    try {
      return await this.#place.run({ context: trace.setSpan(context, span), clock }, work);
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
      throw error;
    } finally {
      span.end(clock.now());
    }
  }
}

function spanOf({ context }: Place): SpanContext | undefined {
  return trace.getSpanContext(context);
}

function isSent(place: Place): boolean {
  return ((spanOf(place)?.traceFlags ?? TraceFlags.NONE) & TraceFlags.SAMPLED) !== 0;
}

/** What the variables say comes last, and the name of the service before other attributes. */
function resourceOf(version: string): Resource {
  const own = resourceFromAttributes({
    'service.name': 'davitd',
    'service.version': version,
    'host.name': hostname(),
    'process.pid': process.pid,
  });
  const detectors = [resourceAttributesEnvDetector, serviceNameEnvDetector];
  return defaultResource().merge(own).merge(detectResources({ detectors }));
}

/** Where the SDK's complaints go; it has one listener in a process. */
function hear(listener: (message: string) => void): void {
  const tell = (...parts: readonly unknown[]): void => listener(parts.join(' '));
  diag.setLogger(
    { error: tell, warn: tell, info: tell, debug: tell, verbose: tell },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
