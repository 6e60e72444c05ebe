import { ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { TraceSettings } from './settings.ts';
import type { TracerDeps } from './tracer.ts';

/** An exporter of OpenTelemetry's, which reads its variables (address, headers, certificates, …) itself. */
export async function createExporter(
  { protocol, endpoint }: TraceSettings,
  { version, warn }: TracerDeps,
): Promise<ReportingExporter> {
  const { OTLPTraceExporter } =
    protocol === 'grpc'
      ? await import('@opentelemetry/exporter-trace-otlp-grpc')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new ReportingExporter(new OTLPTraceExporter({ userAgent: `davitd/${version}` }), endpoint.host, warn);
}

type Done = Parameters<SpanExporter['export']>[1];

/** Tells how many spans were not sent, and why: the SDK tells only why. */
export class ReportingExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #collector: string;
  readonly #warn: (message: string) => void;
  readonly #underWay = new Set<readonly ReadableSpan[]>();

  constructor(exporter: SpanExporter, collector: string, warn: (message: string) => void) {
    this.#exporter = exporter;
    this.#collector = collector;
    this.#warn = warn;
  }

  export(spans: ReadableSpan[], done: Done): void {
    this.#underWay.add(spans);
    this.#exporter.export(spans, ({ code, error }) => {
      const isToldAlready = !this.#underWay.delete(spans);
      if (code !== ExportResultCode.SUCCESS && !isToldAlready) this.#lost(spans.length, reasonOf(error));
      // Also of a failure: it has been told, and the SDK does nothing but tell it again.
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  /** For what is under way now nobody waits any longer. */
  giveUp(reason: string): void {
    const spans = [...this.#underWay].reduce((sum, batch) => sum + batch.length, 0);
    this.#underWay.clear();
    if (spans > 0) this.#lost(spans, reason);
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }

  async shutdown(): Promise<void> {
    await this.#exporter.shutdown();
  }

  #lost(count: number, reason: string): void {
    this.#warn(`${count} spans were not sent to ${this.#collector}: ${reason}`);
  }
}

/** Of a connection that was tried at several addresses Node gives an error without a message. */
function reasonOf(error: Error | undefined): string {
  if (error instanceof AggregateError) return error.errors.map((each) => reasonOf(each as Error)).join(', ');
  const status = error !== undefined && 'code' in error && typeof error.code === 'number' ? `${error.code} ` : '';
  return `${status}${error?.message ?? 'no reason is given'}`;
}
