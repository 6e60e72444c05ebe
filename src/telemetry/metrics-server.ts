import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface MetricsServerDeps {
  readonly render: () => Promise<{ readonly contentType: string; readonly body: string }>;
  /** Whether davitd answers on its own socket; while it does not /healthz and /readyz say 503. */
  readonly isHealthy: () => boolean;
  /** Why not all calls can be carried out now, which /readyz says with 503; undefined when they can. */
  readonly unready: () => string | undefined;
}

export interface MetricsServer extends AsyncDisposable {
  /** Where it listens; the port is the real one when 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  /** Stops listening and ends open connections. Idempotent. */
  close(): Promise<void>;
}

/** A scraper sends its request at once: whoever does not is cut off. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 64;

/**
 * Serves /metrics, /healthz and /readyz at `address` (`host:port`, IPv6 in brackets). Resolves once it listens; rejects
 * when it cannot.
 */
export async function serveMetrics(address: string, deps: MetricsServerDeps): Promise<MetricsServer> {
  const { host, port } = parseAddress(address);
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (req, res) => {
      answer(req, res, deps).catch(() => res.destroy());
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, host, port);
  const close = (): Promise<void> => closeServer(server);
  const bound = server.address() as AddressInfo;
  return { address: { host: bound.address, port: bound.port }, close, [Symbol.asyncDispose]: close };
}

async function answer(request: IncomingMessage, response: ServerResponse, deps: MetricsServerDeps): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0];
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return send(response, 405, 'only GET\n');
  }
  if (path === '/healthz' || path === '/readyz') {
    const problem = problemOf(deps, path);
    return problem === undefined ? send(response, 200, 'ok\n') : send(response, 503, `${problem}\n`);
  }
  if (path !== '/metrics') return send(response, 404, 'there is /metrics, /healthz and /readyz\n');
  const { contentType, body } = await deps.render();
  send(response, 200, body, contentType);
}

function problemOf(deps: MetricsServerDeps, path: string): string | undefined {
  if (!deps.isHealthy()) return 'davitd does not answer on its own socket';
  return path === '/readyz' ? deps.unready() : undefined;
}

function send(response: ServerResponse, status: number, body: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<host>[^:]*)):(?<port>\d{1,5})$/.exec(address);
  const port = Number(match?.groups?.['port']);
  if (match === null || port > 65_535) throw new Error(`metrics address ${address}: expected host:port`);
  return { host: match.groups?.['six'] ?? match.groups?.['host'] ?? '', port };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (error) =>
    reject(new Error(`metrics address ${host}:${port}: ${error.message}`, { cause: error })),
  );
  // Without a host all addresses are meant, IPv6 where the machine has it.
  server.listen({ port, ...(host === '' ? {} : { host }) }, () => resolve());
  return promise;
}

function closeServer(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve()); // an error only says that it was closed before
  server.closeAllConnections();
  return promise;
}
