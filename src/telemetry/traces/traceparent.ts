import { randomBytes } from 'node:crypto';

/** Where a span stands: what the header `traceparent` (W3C Trace Context) carries. */
export interface SpanContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Whether spans of the trace are sent. */
  readonly sampled: boolean;
  /** `tracestate`, handed on as it came. */
  readonly state: string;
}

const FORM = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = /^0+$/;
const SAMPLED = 1;
const TRACE_BYTES = 16;
const SPAN_BYTES = 8;

/** Undefined for what is none. */
export function parseTraceparent(header: string | undefined, state = ''): SpanContext | undefined {
  const match = FORM.exec(header ?? '');
  const [, traceId = '', spanId = '', flags = '00', rest] = match ?? [];
  if (match === null || NO_TRACE.test(traceId) || NO_TRACE.test(spanId)) return undefined;
  if (header?.startsWith('00') === true && rest !== undefined) return undefined; // version 00 ends here
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0, state };
}

export function formatTraceparent({ traceId, spanId, sampled }: SpanContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

export function newTraceId(): string {
  return randomBytes(TRACE_BYTES).toString('hex');
}

export function newSpanId(): string {
  return randomBytes(SPAN_BYTES).toString('hex');
}
