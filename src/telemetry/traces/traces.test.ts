import { afterEach, describe, expect, it, vi } from 'vitest';
import { FakeCollector } from './fake-collector.ts';
import { createOtlpTracer } from './otlp-tracer.ts';
import { loadTracer } from './tracer.ts';
import type { Tracer } from './tracer.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

const ignore = (): void => undefined;
const internal = (name: string) => ({ name, kind: 'internal', attributes: {} }) as const;
const incoming = (sampled: boolean) => (name: string) =>
  name === 'traceparent' ? `00-${TRACE}-${PARENT}-${sampled ? '01' : '00'}` : 'vendor=1';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** The variables are this process': OpenTelemetry's packages read them by themselves. */
function setEnv(env: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
}

/** A tracer, and what it warns of. */
async function tracerWith(env: Readonly<Record<string, string>>) {
  setEnv(env);
  const warnings: string[] = [];
  const tracer = await createOtlpTracer({ version: '1.2.3', warn: (message) => void warnings.push(message) });
  return { tracer, warnings };
}

/** A call with a step that fails in it; the answer is what that would send along. */
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
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:4318';

  it.each([
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' },
  ])('makes none for %j', async (env) => {
    setEnv(env);
    expect(await loadTracer(deps)).toBeUndefined();
  });

  it.each([{ OTEL_EXPORTER_OTLP_ENDPOINT }, { OTEL_TRACES_EXPORTER: 'otlp', OTEL_BSP_MAX_QUEUE_SIZE: '100' }])(
    'makes one for %j',
    async (env) => {
      setEnv(env);
      await using tracer = await loadTracer(deps);
      expect(tracer).toBeDefined();
    },
  );

  it.each([
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'ftp://a'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', 'soon'],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd'],
    ['OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE', '/no/such/file'],
    ['OTEL_TRACES_SAMPLER', 'some'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '-1'],
    ['OTEL_BSP_SCHEDULE_DELAY', 'often'],
  ])('names the variable that it cannot carry out: %s=%s', async (name, value) => {
    setEnv({ OTEL_TRACES_EXPORTER: 'otlp', [name]: value });
    await expect(loadTracer(deps)).rejects.toThrow(new RegExp(`${name}.*${value}|${value}.*${name}`));
  });

  it.each(['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'OTEL_RESOURCE_ATTRIBUTES'])(
    'names %s, and does not tell a secret in it',
    async (name) => {
      setEnv({ OTEL_TRACES_EXPORTER: 'otlp', [name]: 'a=b,s3cr3t' });
      await expect(loadTracer(deps)).rejects.toThrow(new RegExp(`^${name}: (?!.*s3cr3t)`));
    },
  );

  it('wants batches that fit the queue', async () => {
    setEnv({
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_BSP_MAX_QUEUE_SIZE: '10',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '11',
    });
    await expect(loadTracer(deps)).rejects.toThrow('OTEL_BSP_MAX_EXPORT_BATCH_SIZE=11');
  });
});

describe('createOtlpTracer()', () => {
  it("goes on with the caller's trace, down to what it calls itself", async () => {
    await using collector = await FakeCollector.http();
    const { tracer } = await tracerWith({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b',
      OTEL_SERVICE_NAME: 'my-node',
      OTEL_RESOURCE_ATTRIBUTES: 'zone=1,service.name=other',
    });
    const sent = await work(tracer, incoming(true));
    await tracer[Symbol.asyncDispose]();
    expect(collector.paths).toEqual(['/v1/traces']);
    expect(collector.headers[0]).toMatchObject({ 'x-key': 'a b', 'content-type': 'application/x-protobuf' });
    expect(collector.headers[0]?.['user-agent']).toMatch(/^davitd\/1\.2\.3 /);
    const [step, call] = collector.spans;
    expect(call).toMatchObject({
      name: 'call',
      kind: 'SPAN_KIND_SERVER',
      traceId: TRACE,
      parentSpanId: PARENT,
      attributes: { pod: 'a/b' },
      status: { code: 'STATUS_CODE_UNSET' },
    });
    expect(step).toMatchObject({
      name: 'step',
      kind: 'SPAN_KIND_INTERNAL',
      traceId: TRACE,
      parentSpanId: call?.spanId,
      status: { code: 'STATUS_CODE_ERROR', message: 'broken' },
    });
    expect(sent).toEqual({ traceparent: `00-${TRACE}-${step?.spanId}-01`, tracestate: 'vendor=1' });
    expect(call?.start).toBeLessThanOrEqual(step?.start ?? 0n);
    expect(call?.end).toBeGreaterThanOrEqual(step?.end ?? 0n);
    expect(collector.requests[0]?.resource).toMatchObject({
      'service.name': 'my-node',
      'service.version': '1.2.3',
      'process.pid': String(process.pid),
      zone: '1',
    });
  });

  it('sends nothing of a trace that its caller does not send, and hands it on', async () => {
    await using collector = await FakeCollector.http();
    const { tracer } = await tracerWith({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    const sent = await work(tracer, incoming(false));
    await tracer.root(internal('call'), incoming(false), async () => expect(tracer.traceId()).toBeUndefined());
    await tracer[Symbol.asyncDispose]();
    expect(collector.requests).toEqual([]);
    expect(sent['traceparent']).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  });

  it('begins a trace for a call without one, and none for work of its own', async () => {
    await using collector = await FakeCollector.http();
    const { tracer } = await tracerWith({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    await tracer.child(internal('background'), async () => expect(tracer.headers()).toEqual({}));
    await work(tracer, () => undefined);
    let told: string | undefined;
    await tracer.root(internal('call'), incoming(true), async () => void (told = tracer.traceId()));
    await tracer[Symbol.asyncDispose]();
    expect(told).toBe(TRACE);
    expect(collector.spans.map(({ name }) => name)).toEqual(['step', 'call', 'call']);
    expect(collector.spans[1]?.parentSpanId).toBe('');
  });

  it.each([
    ['always_off', '', []],
    ['always_on', '', ['step', 'call']],
    ['traceidratio', '0', []],
    ['traceidratio', '1', ['step', 'call']],
    ['parentbased_always_on', '', []],
    ['parentbased_traceidratio', '1', []],
  ])('samples a trace that its caller does not send by %s %s', async (sampler, argument, names) => {
    await using collector = await FakeCollector.http();
    const { tracer } = await tracerWith({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: argument,
    });
    await work(tracer, incoming(false));
    await tracer[Symbol.asyncDispose]();
    expect(collector.spans.map(({ name }) => name)).toEqual(names);
  });

  it('sends in batches, drops what is too much, and says so', async () => {
    await using collector = await FakeCollector.http();
    const { tracer, warnings } = await tracerWith({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.endpoint}/as/it/is`,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
      OTEL_BSP_MAX_QUEUE_SIZE: '25',
      OTEL_BSP_SCHEDULE_DELAY: '1',
    });
    await tracer.root(internal('call'), incoming(true), async () => {
      await Promise.all(Array.from({ length: 100 }, () => tracer.child(internal('step'), () => Promise.resolve())));
    });
    await vi.waitFor(() => expect(collector.spans.length).toBe(35), { timeout: 10_000 });
    await tracer.root(internal('later'), incoming(true), () => Promise.resolve());
    await tracer[Symbol.asyncDispose]();
    const sizes = collector.requests.map(({ spans }) => spans.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10);
    expect(new Set(collector.paths)).toEqual(new Set(['/as/it/is']));
    expect(warnings).toEqual([expect.stringMatching(/Dropped 66 spans/)]);
  });

  it('does its work when the collector does not', async () => {
    await using collector = await FakeCollector.http(503);
    const { tracer, warnings } = await tracerWith({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      // Less than it waits before it tries again.
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
    });
    await work(tracer, incoming(true));
    await tracer[Symbol.asyncDispose]();
    expect(warnings).toEqual([expect.stringMatching(/^2 spans were not sent to 127\.0\.0\.1:\d+: ./)]);
  });

  it('tells what the collector answers', async () => {
    await using collector = await FakeCollector.http(401);
    const { tracer, warnings } = await tracerWith({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    await work(tracer, incoming(true));
    await tracer[Symbol.asyncDispose]();
    expect(warnings).toEqual([expect.stringMatching(/^2 spans were not sent to .*: 401 Unauthorized$/)]);
  });

  it('waits for no collector at its end for as long as that may take', async () => {
    await using collector = await FakeCollector.http(503);
    const { tracer, warnings } = await tracerWith({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_TIMEOUT: '3600000',
    });
    await work(tracer, incoming(true));
    await tracer[Symbol.asyncDispose]();
    expect(warnings).toEqual([expect.stringMatching(/^2 spans were not sent to .*: not taken within 2 s/)]);
  });

  it('sends by gRPC, too', async () => {
    await using collector = await FakeCollector.grpc();
    const { tracer } = await tracerWith({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b',
    });
    await work(tracer, incoming(true));
    await tracer[Symbol.asyncDispose]();
    expect(collector.spans.map(({ name }) => name)).toEqual(['step', 'call']);
    expect(collector.headers[0]).toMatchObject({ 'x-key': 'a b' });
  });
});
