import { AsyncLocalStorage } from 'node:async_hooks';
import type Long from 'long';
import { messageOf } from '../../engine/index.ts';
import { Batch } from './batch.ts';
import { createExporter } from './exporter.ts';
import { Span as SpanMessage, Status } from './generated/otlp.js';
import type { IKeyValue, ISpan } from './generated/otlp.js';
import { readSettings } from './settings.ts';
import type { TraceSettings } from './settings.ts';
import { WallClock } from './wall-clock.ts';
import { formatTraceparent, newSpanId, newTraceId, parseTraceparent } from './traceparent.ts';
import type { SpanContext } from './traceparent.ts';
import type { SpanStart, Tracer, TracerDeps } from './tracer.ts';

const KINDS = {
  server: SpanMessage.SpanKind.SPAN_KIND_SERVER,
  internal: SpanMessage.SpanKind.SPAN_KIND_INTERNAL,
  client: SpanMessage.SpanKind.SPAN_KIND_CLIENT,
} as const satisfies Record<SpanStart['kind'], number>;

const SCOPE = 'davit';
const SAMPLED = 1;

/** A tracer that sends to a collector by OTLP. Throws an Error that names the variable which cannot be carried out. */
export function createOtlpTracer(env: NodeJS.ProcessEnv, deps: TracerDeps): Tracer {
  const settings = readSettings(env, deps.version);
  const exporter = createExporter(settings);
  const resource = { attributes: attributesOf(settings.resource) };
  const batch = new Batch<ISpan>(
    settings.batch,
    (spans) =>
      exporter.send({
        resourceSpans: [{ resource, scopeSpans: [{ scope: { name: SCOPE, version: deps.version }, spans }] }],
      }),
    deps.warn,
  );
  return new OtlpTracer(settings, batch, () => exporter.close());
}

class OtlpTracer implements Tracer {
  readonly #current = new AsyncLocalStorage<SpanContext>();
  readonly #settings: TraceSettings;
  readonly #batch: Batch<ISpan>;
  readonly #close: () => void;
  readonly #clock = new WallClock();

  constructor(settings: TraceSettings, batch: Batch<ISpan>, close: () => void) {
    this.#settings = settings;
    this.#batch = batch;
    this.#close = close;
  }

  root<T>(span: SpanStart, header: (name: string) => string | undefined, work: () => Promise<T>): Promise<T> {
    const parent = parseTraceparent(header('traceparent'), header('tracestate'));
    const traceId = parent?.traceId ?? newTraceId();
    const sampled = this.#settings.sampler(traceId, parent);
    return this.#run(span, { traceId, spanId: newSpanId(), sampled, state: parent?.state ?? '' }, parent, work);
  }

  child<T>(span: SpanStart, work: () => Promise<T>): Promise<T> {
    const parent = this.#current.getStore();
    if (parent === undefined || !parent.sampled) return work();
    return this.#run(span, { ...parent, spanId: newSpanId() }, parent, work);
  }

  headers(): Readonly<Record<string, string>> {
    const context = this.#current.getStore();
    if (context === undefined) return {};
    const traceparent = formatTraceparent(context);
    return context.state === '' ? { traceparent } : { traceparent, tracestate: context.state };
  }

  traceId(): string | undefined {
    const context = this.#current.getStore();
    return context?.sampled === true ? context.traceId : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#batch[Symbol.asyncDispose]();
    this.#close();
  }

  async #run<T>(
    span: SpanStart,
    context: SpanContext,
    parent: SpanContext | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    if (!context.sampled) return await this.#current.run(context, work);
    const start = this.#clock.now();
    try {
      const result = await this.#current.run(context, work);
      this.#batch.add(this.#message(span, context, parent, start));
      return result;
    } catch (error) {
      const status = { code: Status.StatusCode.STATUS_CODE_ERROR, message: messageOf(error) };
      this.#batch.add({ ...this.#message(span, context, parent, start), status });
      throw error;
    }
  }

  #message(
    { name, kind, attributes }: SpanStart,
    { traceId, spanId, state }: SpanContext,
    parent: SpanContext | undefined,
    start: Long,
  ): ISpan {
    return {
      traceId: Buffer.from(traceId, 'hex'),
      spanId: Buffer.from(spanId, 'hex'),
      traceState: state,
      parentSpanId: Buffer.from(parent?.spanId ?? '', 'hex'),
      name,
      kind: KINDS[kind],
      startTimeUnixNano: start,
      endTimeUnixNano: this.#clock.now(),
      attributes: attributesOf(attributes),
      flags: SAMPLED,
    };
  }
}

function attributesOf(attributes: Readonly<Record<string, string>>): readonly IKeyValue[] {
  return Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}
