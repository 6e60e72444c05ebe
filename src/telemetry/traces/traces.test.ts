import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { ExportTraceServiceRequest, TraceService } from './generated/otlp.js';
import type { Span } from './generated/otlp.js';
import { createOtlpTracer } from './otlp-tracer.ts';
import { loadTracer } from './tracer.ts';
import type { Tracer } from './tracer.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

const ignore = (): void => undefined;
const internal = (name: string) => ({ name, kind: 'internal', attributes: {} }) as const;

/** A collector that takes spans over HTTP. */
async function collect(answer = 200) {
  const requests: ExportTraceServiceRequest[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const paths: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      requests.push(ExportTraceServiceRequest.decode(Buffer.concat(chunks)));
      headers.push(request.headers);
      paths.push(request.url ?? '');
      response.writeHead(answer).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    headers,
    paths,
    spans: () => spansOf(requests),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function spansOf(requests: readonly ExportTraceServiceRequest[]): readonly Span[] {
  return requests.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
  );
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const incoming = (sampled: boolean) => (name: string) =>
  name === 'traceparent' ? `00-${TRACE}-${PARENT}-${sampled ? '01' : '00'}` : 'vendor=1';

/** A call with a step that fails in it. */
async function work(tracer: Tracer, header: (name: string) => string | undefined): Promise<Record<string, string>> {
  let sent: Record<string, string> = {};
  await tracer.root({ name: 'call', kind: 'server', attributes: { pod: 'a/b' } }, header, async () => {
    await tracer
      .child(internal('step'), async () => {
        sent = { ...tracer.headers() };
        throw new Error('broken');
      })
      .catch(ignore);
  });
  return sent;
}

describe('loadTracer()', () => {
  const deps = { version: '1.2.3', warn: ignore };

  it('makes none unless the environment asks for one', async () => {
    expect(await loadTracer({}, deps)).toBeUndefined();
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:4318';
    expect(await loadTracer({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' }, deps)).toBeUndefined();
    expect(await loadTracer({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, deps)).toBeUndefined();
    await using tracer = await loadTracer({ OTEL_EXPORTER_OTLP_ENDPOINT }, deps);
    expect(tracer).toBeDefined();
  });

  it.each([
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, 'OTEL_TRACES_EXPORTER=zipkin'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://a' }, 'OTEL_EXPORTER_OTLP_ENDPOINT=ftp://a'],
    [
      { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
      'OTEL_EXPORTER_OTLP_PROTOCOL=http/json',
    ],
    [{ OTEL_TRACES_EXPORTER: 'otlp', OTEL_TRACES_SAMPLER: 'some' }, 'OTEL_TRACES_SAMPLER=some'],
    [{ OTEL_TRACES_EXPORTER: 'otlp', OTEL_BSP_MAX_QUEUE_SIZE: '-1' }, 'OTEL_BSP_MAX_QUEUE_SIZE=-1'],
  ])('names the variable that it cannot carry out: %j', async (env, message) => {
    await expect(loadTracer(env, deps)).rejects.toThrow(message);
  });
});

describe('createOtlpTracer()', () => {
  it("goes on with the caller's trace, down to what it calls itself", async () => {
    await using collector = await collect();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b',
      OTEL_SERVICE_NAME: 'my-node',
      OTEL_RESOURCE_ATTRIBUTES: 'zone=1,service.name=other',
    };
    const tracer = createOtlpTracer(env, { version: '1.2.3', warn: ignore });
    const sent = await work(tracer, incoming(true));
    await tracer[Symbol.asyncDispose]();
    expect(collector.paths).toEqual(['/v1/traces']);
    expect(collector.headers[0]).toMatchObject({ 'x-key': 'a b', 'content-type': 'application/x-protobuf' });
    const [step, call] = collector.spans();
    expect([step?.name, call?.name]).toEqual(['step', 'call']);
    expect([hex(call?.traceId ?? Buffer.of()), hex(call?.parentSpanId ?? Buffer.of())]).toEqual([TRACE, PARENT]);
    expect(hex(step?.traceId ?? Buffer.of())).toBe(TRACE);
    expect(step?.parentSpanId).toEqual(call?.spanId);
    expect(sent).toEqual({
      traceparent: `00-${TRACE}-${hex(step?.spanId ?? Buffer.of())}-01`,
      tracestate: 'vendor=1',
    });
    expect([step?.status?.code, step?.status?.message, call?.status]).toEqual([2, 'broken', null]);
    expect(call?.attributes).toMatchObject([{ key: 'pod', value: { stringValue: 'a/b' } }]);
    expect(call?.startTimeUnixNano.lte(step?.startTimeUnixNano ?? 0)).toBe(true);
    expect(call?.endTimeUnixNano.gte(step?.endTimeUnixNano ?? 0)).toBe(true);
    const resource = collector.requests[0]?.resourceSpans[0]?.resource?.attributes ?? [];
    const named = Object.fromEntries(resource.map(({ key, value }) => [key, value?.stringValue]));
    expect(named).toMatchObject({ 'service.name': 'my-node', 'service.version': '1.2.3', zone: '1' });
  });

  it('sends nothing of a trace that its caller does not send, and hands it on', async () => {
    await using collector = await collect();
    const tracer = createOtlpTracer({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint }, { version: '', warn: ignore });
    const sent = await work(tracer, incoming(false));
    await tracer[Symbol.asyncDispose]();
    expect(collector.requests).toEqual([]);
    expect(sent['traceparent']).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  });

  it('begins a trace for a call without one, and none for work of its own', async () => {
    await using collector = await collect();
    const tracer = createOtlpTracer({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint }, { version: '', warn: ignore });
    await tracer.child(internal('background'), async () => expect(tracer.headers()).toEqual({}));
    await work(tracer, () => undefined);
    await tracer[Symbol.asyncDispose]();
    expect(collector.spans().map(({ name }) => name)).toEqual(['step', 'call']);
    expect(hex(collector.spans()[1]?.parentSpanId ?? Buffer.of(1))).toBe('');
  });

  it('sends in batches, and drops what is too much', async () => {
    await using collector = await collect();
    const warnings: string[] = [];
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
      OTEL_BSP_MAX_QUEUE_SIZE: '25',
    };
    const tracer = createOtlpTracer(env, { version: '', warn: (message) => void warnings.push(message) });
    await tracer.root(internal('call'), incoming(true), async () => {
      await Promise.all(Array.from({ length: 100 }, () => tracer.child(internal('step'), () => Promise.resolve())));
    });
    await tracer[Symbol.asyncDispose]();
    const sizes = collector.requests.map((request) => spansOf([request]).length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10);
    expect(warnings).toEqual([expect.stringMatching(/^\d+ spans were dropped/)]);
  });

  it('does its work when the collector does not', async () => {
    await using collector = await collect(503);
    const warnings: string[] = [];
    const tracer = createOtlpTracer(
      { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint },
      { version: '', warn: (message) => void warnings.push(message) },
    );
    await work(tracer, incoming(true));
    await tracer[Symbol.asyncDispose]();
    expect(warnings).toEqual([expect.stringContaining('2 spans were not sent: 127.0.0.1')]);
  });

  it('sends by gRPC, too', async () => {
    const requests: ExportTraceServiceRequest[] = [];
    const server = new Server();
    const { path, requestDeserialize, responseSerialize } = TraceService.export;
    server.register<ExportTraceServiceRequest, object>(
      path,
      (call: ServerUnaryCall<ExportTraceServiceRequest, object>, callback: sendUnaryData<object>) => {
        requests.push(call.request);
        callback(null, {});
      },
      responseSerialize,
      requestDeserialize,
      'unary',
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    const tracer = createOtlpTracer(env, { version: '', warn: ignore });
    await work(tracer, incoming(true));
    await tracer[Symbol.asyncDispose]();
    server.forceShutdown();
    expect(spansOf(requests).map(({ name }) => name)).toEqual(['step', 'call']);
  });
});
