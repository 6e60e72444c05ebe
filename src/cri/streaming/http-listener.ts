import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Server as HttpsServer } from 'node:https';
import { isIPv6 } from 'node:net';
import type { AddressInfo } from 'node:net';
import { EngineError, messageOf } from '../../engine/index.ts';
import type { RpcLogger } from '../../rpc/index.ts';
import type { Upgrade } from './handshake.ts';
import type { StreamingSettings } from './settings.ts';
import { readTls } from './tls-files.ts';
import type { TlsMaterial, TlsWatchDeps } from './tls-files.ts';

export interface HttpListenerDeps {
  readonly settings: StreamingSettings;
  readonly logger: Pick<RpcLogger, 'debug' | 'info' | 'warn'>;
  readonly onUpgrade: (upgrade: Upgrade) => void;
  readonly tlsIntervalMs: number;
}

export interface HttpListener {
  /** `https://127.0.0.1:10250`: where a client on this machine reaches it. */
  readonly url: string;
  /** Takes no more connections and ends those that are still HTTP. */
  close(): void;
}

/** A client sends its request at once: whoever does not is cut off. */
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 4_096;
/** The kernel asks a silent peer after this long whether it is still there. */
const KEEP_ALIVE_DELAY_MS = 30_000;

/** Listens for requests that want to be upgraded; rejects when the address is taken or TLS cannot be set up. */
export async function listenHttp(deps: HttpListenerDeps): Promise<HttpListener> {
  const { settings } = deps;
  const tls = await readTls(settings);
  const https = tls === undefined ? undefined : makeHttps(tls.material, deps);
  const server = https ?? createHttpServer(OPTIONS);
  serve(server, deps);
  await listen(server, settings);
  server.on('error', (error) => {
    deps.logger.warn({ error: messageOf(error) }, 'streaming server: a connection could not be taken');
  });
  const watching = https === undefined ? undefined : tls?.watch(toWatchDeps(https, deps));
  warnOfStrangers(settings, deps);
  return {
    url: `${https === undefined ? 'http' : 'https'}://${reachable(server.address() as AddressInfo)}`,
    close: () => {
      watching?.[Symbol.dispose]();
      server.close();
      server.closeAllConnections();
    },
  };
}

const OPTIONS: ServerOptions = {
  requestTimeout: REQUEST_TIMEOUT_MS,
  headersTimeout: REQUEST_TIMEOUT_MS,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
  noDelay: true,
};

function makeHttps(material: TlsMaterial, { logger }: HttpListenerDeps): HttpsServer {
  const asksClients = material.ca !== undefined;
  const server = createHttpsServer({
    ...OPTIONS,
    ...material,
    requestCert: asksClients,
    rejectUnauthorized: asksClients,
  });
  server.on('tlsClientError', (error) => {
    logger.debug({ error: messageOf(error) }, 'streaming server: a TLS handshake failed');
  });
  return server;
}

function toWatchDeps(server: HttpsServer, { logger, settings, tlsIntervalMs }: HttpListenerDeps): TlsWatchDeps {
  return {
    onChange: (material) => {
      server.setSecureContext(material);
      logger.info({ cert: settings.tlsCert }, 'streaming server: TLS was read again');
    },
    onProblem: (error) => logger.warn({ error: messageOf(error) }, 'streaming server: TLS stays as it was'),
    intervalMs: tlsIntervalMs,
  };
}

function serve(server: Server, { onUpgrade }: HttpListenerDeps): void {
  server.maxConnections = MAX_CONNECTIONS;
  server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(400, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
    response.end('exec, attach and port forward are spoken over SPDY/3.1 or WebSocket\n');
  });
  server.on('upgrade', (request, socket, head) => {
    // Whoever serves the session learns of it by the socket's close.
    socket.on('error', () => undefined);
    onUpgrade({ request, socket, head });
  });
}

function listen(server: Server, { address, port }: StreamingSettings): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (error) => {
    const message = `streaming server: address ${address} port ${port}: ${error.message}`;
    reject(new EngineError('unavailable', message, { cause: error }));
  });
  server.listen({ host: address, port }, resolve);
  return promise;
}

/** Of all addresses of this machine, the loopback is the one to tell a client that is on it too. */
function reachable({ address, port }: AddressInfo): string {
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

function warnOfStrangers({ address, tlsCert }: StreamingSettings, { logger }: HttpListenerDeps): void {
  if (tlsCert !== undefined || address === '::1' || address.startsWith('127.')) return;
  logger.warn({ address }, 'streaming server: others can listen in on exec and attach; set streaming.tls_cert');
}
