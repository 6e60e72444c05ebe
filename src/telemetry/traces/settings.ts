import { accessSync, constants } from 'node:fs';
import { getNumberFromEnv, parseKeyPairsIntoRecord } from '@opentelemetry/core';
import { resourceAttributesEnvDetector } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { BatchSpanProcessorOptions, Sampler } from '@opentelemetry/sdk-trace';

/** What OpenTelemetry's packages leave to who builds a tracer of them; the rest of its variables they read themselves. */
export interface TraceSettings {
  readonly protocol: 'http/protobuf' | 'grpc';
  /** As it is set; the exporter makes its own of it. */
  readonly endpoint: URL;
  readonly sampler: Sampler;
  readonly batch: Omit<BatchSpanProcessorOptions, 'exporter'>;
}

/** Throws an Error that names the variable which cannot be carried out: the packages would go on without it. */
export function readSettings(env: NodeJS.ProcessEnv): TraceSettings {
  const exporter = env['OTEL_TRACES_EXPORTER']?.trim() || 'otlp';
  if (exporter !== 'otlp') throw new Error(`OTEL_TRACES_EXPORTER=${exporter}: davitd sends by otlp alone`);
  checkPairs(env, 'OTEL_RESOURCE_ATTRIBUTES', () => resourceAttributesEnvDetector.detect().attributes ?? {});
  for (const name of bothNames('HEADERS')) checkPairs(env, name, parseKeyPairsIntoRecord);
  for (const file of FILES) for (const name of bothNames(file)) checkFile(env, name);
  const protocol = protocolOf(env);
  return { protocol, endpoint: endpointOf(env, protocol), sampler: samplerOf(env), batch: batchOf() };
}

const PROTOCOLS = ['http/protobuf', 'grpc'] as const;
const STANDARD_ENDPOINTS = { 'http/protobuf': 'http://localhost:4318', grpc: 'http://localhost:4317' } as const;
const FILES = ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY'];
const PARENT_BASED = 'parentbased_';

/** The variable for traces goes before the one for all signals. */
function bothNames(name: string): readonly string[] {
  return [`OTEL_EXPORTER_OTLP_TRACES_${name}`, `OTEL_EXPORTER_OTLP_${name}`];
}

interface Found {
  readonly name: string;
  readonly value: string;
}

function find(env: NodeJS.ProcessEnv, names: readonly string[], otherwise: string): Found {
  const name = names.find((each) => (env[each] ?? '').trim() !== '') ?? names.at(-1) ?? '';
  return { name, value: env[name]?.trim() || otherwise };
}

function protocolOf(env: NodeJS.ProcessEnv): TraceSettings['protocol'] {
  const { name, value } = find(env, bothNames('PROTOCOL'), 'http/protobuf');
  const protocol = PROTOCOLS.find((known) => known === value);
  if (protocol === undefined) throw new Error(`${name}=${value}: davitd knows ${PROTOCOLS.join(' and ')}`);
  return protocol;
}

function endpointOf(env: NodeJS.ProcessEnv, protocol: TraceSettings['protocol']): URL {
  const { name, value } = find(env, bothNames('ENDPOINT'), STANDARD_ENDPOINTS[protocol]);
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Error(`${name}=${value}: expected http:// or https:// and a host`);
  }
  return url;
}

function samplerOf(env: NodeJS.ProcessEnv): Sampler {
  const { value: name } = find(env, ['OTEL_TRACES_SAMPLER'], 'parentbased_always_on');
  const { value: argument } = find(env, ['OTEL_TRACES_SAMPLER_ARG'], '1');
  const isParentBased = name.startsWith(PARENT_BASED);
  const root = rootSampler(isParentBased ? name.slice(PARENT_BASED.length) : name, Number(argument));
  if (root === undefined) {
    throw new Error(
      `OTEL_TRACES_SAMPLER=${name} with OTEL_TRACES_SAMPLER_ARG=${argument}: expected always_on, always_off or ` +
        'traceidratio with a number from 0 to 1, each also behind parentbased_',
    );
  }
  return isParentBased ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(name: string, ratio: number): Sampler | undefined {
  if (name === 'always_on') return new AlwaysOnSampler();
  if (name === 'always_off') return new AlwaysOffSampler();
  return name === 'traceidratio' && ratio >= 0 && ratio <= 1 ? new TraceIdRatioBasedSampler(ratio) : undefined;
}

function batchOf(): TraceSettings['batch'] {
  const maxQueueSize = numberOf('OTEL_BSP_MAX_QUEUE_SIZE', 2_048);
  const maxExportBatchSize = numberOf('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', Math.min(512, maxQueueSize));
  if (maxExportBatchSize > maxQueueSize) {
    throw new Error(
      `OTEL_BSP_MAX_EXPORT_BATCH_SIZE=${maxExportBatchSize}: not above OTEL_BSP_MAX_QUEUE_SIZE, ${maxQueueSize}`,
    );
  }
  return {
    maxQueueSize,
    maxExportBatchSize,
    scheduledDelayMillis: numberOf('OTEL_BSP_SCHEDULE_DELAY', 5_000),
    exportTimeoutMillis: numberOf('OTEL_BSP_EXPORT_TIMEOUT', 30_000),
  };
}

function numberOf(name: string, otherwise: number): number {
  const value = getNumberFromEnv(name) ?? otherwise;
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${name}=${value}: expected a whole number above 0`);
  return value;
}

/** `a=b,c=d`: of each part the reader makes one entry, or leaves it out. */
function checkPairs(env: NodeJS.ProcessEnv, name: string, read: (text: string) => object): void {
  const text = env[name] ?? '';
  const parts = text.split(',').filter((part) => part.trim() !== '');
  if (Object.keys(read(text)).length === parts.length) return;
  // A value may be a secret: only the name is told.
  throw new Error(`${name}: expected name=value, separated by commas, other characters of these percent-encoded`);
}

function checkFile(env: NodeJS.ProcessEnv, name: string): void {
  const path = env[name]?.trim() ?? '';
  if (path === '') return;
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw new Error(`${name}=${path}: the file cannot be read`, { cause: error });
  }
}
