import { kindOf } from '../engine/index.ts';
import type { Instruments, PullReport } from '../engine/index.ts';
import type { EngineMetrics, SpanStart, Tracer } from '../telemetry/index.ts';

const NO_HEADERS = Object.freeze({});

/** Measures the engine's actions and, with a tracer, makes spans of all its work. */
export function createInstruments(
  metrics: Pick<EngineMetrics, 'actionEnded'>,
  tracer: Tracer | undefined,
): Instruments {
  const traced = <T>(span: SpanStart, run: () => Promise<T>): Promise<T> => tracer?.child(span, run) ?? run();
  const measured = async <T>(span: SpanStart, run: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    try {
      const result = await traced(span, run);
      metrics.actionEnded(span.name, seconds());
      return result;
    } catch (error) {
      metrics.actionEnded(span.name, seconds(), kindOf(error));
      throw error;
    }
  };
  return {
    around: ({ kind, name, attributes }, run) => {
      if (kind === 'action') return measured({ name, kind: 'internal', attributes }, run);
      return traced({ name, kind: kind === 'call' ? 'client' : 'internal', attributes }, run);
    },
    headers: () => tracer?.headers() ?? NO_HEADERS,
  };
}

/** Counts pulls. */
export function pullObserver(metrics: Pick<EngineMetrics, 'received' | 'pullEnded'>) {
  return {
    received: (bytes: number): void => metrics.received(bytes),
    pullEnded: ({ durationMs, error }: PullReport): void =>
      metrics.pullEnded(durationMs / 1000, error === undefined ? undefined : kindOf(error)),
  };
}
