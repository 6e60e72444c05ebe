import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Metadata, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

export interface ReceivedSpan {
  readonly name: string;
  readonly kind: string;
  /** Hexadecimal, as the other ids; that of the parent is empty where there is none. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  /** Nanoseconds since the epoch. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, string>>;
  readonly status: { readonly code: string; readonly message: string };
}

export interface Received {
  readonly resource: Readonly<Record<string, string>>;
  readonly spans: readonly ReceivedSpan[];
}

/** A collector of traces, for tests; what it decodes with is not what davitd encodes with. */
export class FakeCollector implements AsyncDisposable {
  readonly requests: Received[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  readonly paths: string[] = [];
  readonly endpoint: string;
  readonly #close: () => Promise<void>;

  private constructor(endpoint: string, close: () => Promise<void>) {
    this.endpoint = endpoint;
    this.#close = close;
  }

  get spans(): readonly ReceivedSpan[] {
    return this.requests.flatMap(({ spans }) => spans);
  }

  /** Answers each request with the status. */
  static async http(status = 200): Promise<FakeCollector> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        collector.requests.push(decode(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body));
        collector.headers.push(request.headers);
        collector.paths.push(request.url ?? '');
        response.writeHead(status).end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const collector = new FakeCollector(`http://127.0.0.1:${port}`, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return collector;
  }

  /** With credentials it is reached over TLS. */
  static async grpc(credentials?: ServerCredentials): Promise<FakeCollector> {
    const server = new Server();
    const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
    const take = ({ request, metadata }: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>): void => {
      collector.requests.push(decode(request));
      collector.headers.push(headersOf(metadata));
      collector.paths.push(path);
      reply(null, Buffer.alloc(0));
    };
    server.register(path, take, asIs, asIs, 'unary');
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', credentials ?? ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const scheme = credentials === undefined ? 'http' : 'https';
    const collector = new FakeCollector(`${scheme}://127.0.0.1:${port}`, () => {
      server.forceShutdown();
      return Promise.resolve();
    });
    return collector;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function headersOf(metadata: Metadata): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(metadata.getMap()).map(([name, value]) => [name, String(value)]));
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string };
}

interface SpanMessage {
  readonly name: string;
  readonly kind: string;
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId: Buffer;
  readonly traceState: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: ReceivedSpan['status'] | null;
}

interface Request {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly SpanMessage[] }[];
  }[];
}

const PROTO = fileURLToPath(new URL('fake-collector.proto', import.meta.url));
const REQUEST = protobuf.loadSync(PROTO).lookupType('ExportTraceServiceRequest');
const NO_STATUS = { code: 'STATUS_CODE_UNSET', message: '' };

function decode(bytes: Uint8Array): Received {
  const message = REQUEST.toObject(REQUEST.decode(bytes), { longs: String, enums: String, defaults: true });
  const { resourceSpans } = message as Request;
  return {
    resource: Object.assign({}, ...resourceSpans.map(({ resource }) => valuesOf(resource.attributes))),
    spans: resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(spanOf))),
  };
}

function spanOf(span: SpanMessage): ReceivedSpan {
  return {
    name: span.name,
    kind: span.kind,
    traceId: span.traceId.toString('hex'),
    spanId: span.spanId.toString('hex'),
    parentSpanId: span.parentSpanId.toString('hex'),
    traceState: span.traceState,
    start: BigInt(span.startTimeUnixNano),
    end: BigInt(span.endTimeUnixNano),
    attributes: valuesOf(span.attributes),
    status: span.status ?? NO_STATUS,
  };
}

function valuesOf(attributes: readonly Attribute[]): Readonly<Record<string, string>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? '']));
}
