import { hostname } from 'node:os';
import { parseSampler } from './sampler.ts';
import type { Sampler } from './sampler.ts';

/** What the variables of OpenTelemetry's specification say. */
export interface TraceSettings {
  readonly protocol: 'http/protobuf' | 'grpc';
  /** For HTTP the whole URL; for gRPC the collector's address. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly sampler: Sampler;
  /** Of the process: service.name and its like. */
  readonly resource: Readonly<Record<string, string>>;
  readonly batch: BatchSettings;
}

export interface BatchSettings {
  /** Spans that may wait to be sent; what comes beyond is dropped. */
  readonly queue: number;
  readonly size: number;
  readonly delayMs: number;
}

const PROTOCOLS = ['http/protobuf', 'grpc'] as const;
const HTTP_PATH = 'v1/traces';

/** Throws an Error that names the variable. */
export function readSettings(env: NodeJS.ProcessEnv, version: string): TraceSettings {
  const exporter = env['OTEL_TRACES_EXPORTER'] || 'otlp';
  if (exporter !== 'otlp') throw new Error(`OTEL_TRACES_EXPORTER=${exporter}: davitd sends by otlp alone`);
  const protocol = own(env, 'PROTOCOL') ?? 'http/protobuf';
  const known = PROTOCOLS.find((name) => name === protocol);
  if (known === undefined) {
    throw new Error(`OTEL_EXPORTER_OTLP_PROTOCOL=${protocol}: davitd knows ${PROTOCOLS.join(' and ')}`);
  }
  return {
    protocol: known,
    url: endpointOf(env, known),
    headers: pairs(own(env, 'HEADERS') ?? '', 'OTEL_EXPORTER_OTLP_HEADERS'),
    timeoutMs: number(own(env, 'TIMEOUT'), 10_000, 'OTEL_EXPORTER_OTLP_TIMEOUT'),
    sampler: parseSampler(env['OTEL_TRACES_SAMPLER'], env['OTEL_TRACES_SAMPLER_ARG']),
    resource: {
      'service.name': 'davitd',
      'service.version': version,
      'host.name': hostname(),
      'process.pid': String(process.pid),
      ...pairs(env['OTEL_RESOURCE_ATTRIBUTES'] ?? '', 'OTEL_RESOURCE_ATTRIBUTES'),
      ...(env['OTEL_SERVICE_NAME'] ? { 'service.name': env['OTEL_SERVICE_NAME'] } : {}),
    },
    batch: {
      queue: number(env['OTEL_BSP_MAX_QUEUE_SIZE'], 2_048, 'OTEL_BSP_MAX_QUEUE_SIZE'),
      size: number(env['OTEL_BSP_MAX_EXPORT_BATCH_SIZE'], 512, 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
      delayMs: number(env['OTEL_BSP_SCHEDULE_DELAY'], 5_000, 'OTEL_BSP_SCHEDULE_DELAY'),
    },
  };
}

/** The variable for traces, else the one for all signals. */
function own(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[`OTEL_EXPORTER_OTLP_TRACES_${name}`] || env[`OTEL_EXPORTER_OTLP_${name}`] || undefined;
}

/** The common endpoint is a base, the one for traces is taken as it is. */
function endpointOf(env: NodeJS.ProcessEnv, protocol: TraceSettings['protocol']): URL {
  const exact = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || undefined;
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT'] || undefined;
  const standard = protocol === 'grpc' ? 'http://localhost:4317' : 'http://localhost:4318';
  const text = exact ?? base ?? standard;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new Error(`OTEL_EXPORTER_OTLP_ENDPOINT=${text}: expected http:// or https:// and a host`);
  }
  if (protocol === 'grpc' || exact !== undefined) return new URL(text);
  return new URL(HTTP_PATH, text.endsWith('/') ? text : `${text}/`);
}

/** `a=b,c=d`, values percent-encoded. */
function pairs(text: string, variable: string): Readonly<Record<string, string>> {
  const items = text.split(',').filter((item) => item.trim() !== '');
  return Object.fromEntries(
    items.map((item) => {
      const at = item.indexOf('=');
      // The value may be a secret: only the name is told.
      if (at < 1) throw new Error(`${variable}: expected name=value, separated by commas`);
      return [item.slice(0, at).trim(), decodeURIComponent(item.slice(at + 1).trim())];
    }),
  );
}

function number(text: string | undefined, otherwise: number, variable: string): number {
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`${variable}=${text}: expected a whole number above 0`);
  return value;
}
