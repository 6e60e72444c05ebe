import type { Duplex } from 'node:stream';
import { EngineError, messageOf } from '../../engine/index.ts';
import { SpdyConnection } from './spdy/index.ts';
import type { SpdyHeaders, SpdyStream } from './spdy/index.ts';
import type { PortForwardTarget } from './targets.ts';

/** The one version of the protocol. */
export const PORT_FORWARD_PROTOCOLS = ['portforward.k8s.io'];

export interface PortForwardOptions {
  readonly sandboxId: string;
  readonly target: PortForwardTarget;
  /** For the second stream of a pair. */
  readonly creationTimeoutMs: number;
  readonly onActivity: () => void;
  /** A connection to a port has come to its end; the error says why, where there is one. */
  readonly onForwarded: (port: number, error: unknown) => void;
}

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
  readonly late: NodeJS.Timeout;
}

const PORT = /^\d{1,5}$/;
const MAX_PORT = 65_535;

/**
 * Forwards connections to ports of a pod, as many at once as the client likes. Each is a pair of streams with one
 * request id: `data`, and `error`, which carries a text when the port could not be reached and ends with the
 * connection. Nothing that happens to one connection touches another.
 */
export function servePortForward(transport: Duplex, options: PortForwardOptions): SpdyConnection {
  const pairs = new Map<string, Pair>();
  const connection = SpdyConnection.serve(transport, {
    accepts: (headers) => isPart(headers) && portOf(headers) !== undefined,
    onStream: (stream) => join(stream, pairs, options),
    onActivity: options.onActivity,
  });
  connection.gone.addEventListener('abort', () => {
    for (const { late } of pairs.values()) clearTimeout(late);
  });
  return connection;
}

function join(stream: SpdyStream, pairs: Map<string, Pair>, options: PortForwardOptions): void {
  const id = requestIdOf(stream);
  const pair = pairs.get(id) ?? { late: setTimeout(() => giveUp(id, pairs, options), options.creationTimeoutMs) };
  const type = stream.headers.get('streamtype') === 'error' ? 'error' : 'data';
  // A second stream of one kind belongs to nobody.
  if (pair[type] !== undefined) return void stream.destroy();
  pair[type] = stream;
  pairs.set(id, pair);
  const { data, error } = pair;
  if (data === undefined || error === undefined) return;
  pairs.delete(id);
  clearTimeout(pair.late);
  const port = portOf(data.headers) ?? 0;
  forward({ data, error, port }, options).then(
    () => options.onForwarded(port, undefined),
    (failure: unknown) => options.onForwarded(port, failure),
  );
}

function giveUp(id: string, pairs: Map<string, Pair>, { creationTimeoutMs }: PortForwardOptions): void {
  const pair = pairs.get(id);
  pairs.delete(id);
  pair?.data?.destroy();
  pair?.error?.resume();
  pair?.error?.end(`port forward: the data stream was not opened in ${creationTimeoutMs} ms`);
}

interface Whole {
  readonly data: SpdyStream;
  readonly error: SpdyStream;
  readonly port: number;
}

/** Resolves when the connection has come to its end in both directions; rejects with what broke it. */
async function forward({ data, error, port }: Whole, options: PortForwardOptions): Promise<void> {
  error.resume();
  const left = new AbortController();
  data.once('close', () => left.abort(new EngineError('cancelled', 'the client has closed the connection')));
  let upstream: Duplex;
  try {
    upstream = await options.target.connect(options.sandboxId, port, left.signal);
  } catch (failure) {
    error.end(`port ${port} of pod ${options.sandboxId}: ${messageOf(failure)}`);
    data.destroy();
    throw failure;
  }
  try {
    await joinBoth(data, upstream);
  } finally {
    // Without a text also after a failure: clients take a text for a reason to give up all connections.
    error.end();
  }
}

/** Both directions, each with its own end; a break of one side breaks the other. */
function joinBoth(data: SpdyStream, upstream: Duplex): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  upstream.once('error', (error) => {
    data.destroy();
    reject(error);
  });
  upstream.once('close', () => {
    resolve();
    if (!upstream.readableEnded) return void data.destroy();
    // What was read before is still on its way to the client; what the client sends is for nobody any more.
    data.unpipe(upstream);
    data.resume();
  });
  data.once('close', () => {
    upstream.destroy();
    resolve();
  });
  if (data.destroyed) upstream.destroy();
  data.pipe(upstream);
  upstream.pipe(data);
  return promise;
}

/** Clients of old name no request: they open the error stream and then, with the next id, the data stream. */
function requestIdOf({ id, headers }: SpdyStream): string {
  const paired = headers.get('streamtype') === 'error' ? id : id - 2;
  return headers.get('requestid') ?? `stream ${paired}`;
}

function isPart(headers: SpdyHeaders): boolean {
  const type = headers.get('streamtype');
  return type === 'data' || type === 'error';
}

function portOf(headers: SpdyHeaders): number | undefined {
  const text = headers.get('port') ?? '';
  const port = Number(text);
  return PORT.test(text) && port > 0 && port <= MAX_PORT ? port : undefined;
}
