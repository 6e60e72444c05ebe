import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { finished } from 'node:stream/promises';
import type { SecureContext } from 'node:tls';
import { EngineError, messageOf } from '../errors.ts';
import { isLoopback } from './hosts.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  /** Sent to whichever host a redirect leads to. */
  readonly headers: OutgoingHttpHeaders;
  /** Sent to the first host alone: what a redirect must not carry elsewhere. */
  readonly privateHeaders?: OutgoingHttpHeaders;
  readonly body?: string;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Must be read or destroyed. */
  readonly body: IncomingMessage;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
}

export interface HttpClientOptions {
  /** TLS for the host itself, with its client certificate. */
  readonly home: () => Promise<SecureContext>;
  /** TLS for hosts that a redirect leads to: no client certificate. */
  readonly elsewhere: () => Promise<SecureContext>;
  /** Host and port of the host itself. */
  readonly homeHost: string;
  readonly skipVerify: boolean;
  readonly dialTimeoutMs: number;
  /** Holds HTTP_PROXY, HTTPS_PROXY and NO_PROXY, where they are set. This machine is always reached directly. */
  readonly env: NodeJS.ProcessEnv;
}

/** From the request to the answer's header: a cache may fetch the blob first, a dead host must give way to the next. */
const HEADER_TIMEOUT_MS = 120_000;
const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Idle connections are kept for the next blob of the same pull. */
const KEEP_ALIVE_MS = 30_000;

/**
 * HTTP to one registry host and to where it redirects. A failure to get an answer is unavailable with the reason
 * RegistryUnavailable; any answer, whatever its status, is a result.
 */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #agents = new Map<string, Promise<HttpAgent>>();

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  /** Follows redirects of GET and HEAD. Private headers stay at home. */
  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    let url = request.url;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const isHome = url.protocol === request.url.protocol && url.host === request.url.host;
      const headers = { ...request.headers, ...(isHome ? request.privateHeaders : {}) };
      const response = await this.#hop({ ...request, url, headers }, signal);
      const { location } = response.headers;
      if (!REDIRECTS.has(response.status) || location === undefined || request.method === 'POST') return response;
      await discard(response);
      const next = URL.parse(location, url.href);
      if (next === null || !/^https?:$/.test(next.protocol))
        throw unreachable(url, 'redirects to something that is no http URL');
      url = next;
    }
    throw unreachable(request.url, `redirects more than ${MAX_REDIRECTS} times`);
  }

  /** Ends every connection, those in use too. */
  async close(): Promise<void> {
    const agents = [...this.#agents.values()];
    this.#agents.clear();
    for (const agent of agents) (await agent.catch(() => undefined))?.destroy();
  }

  async #hop(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const agent = await this.#agent(request.url);
    try {
      return await exchange(request, agent, this.#options.dialTimeoutMs, signal);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      return exchange(request, agent, this.#options.dialTimeoutMs, signal);
    }
  }

  #agent(url: URL): Promise<HttpAgent> {
    const isHome = url.host === this.#options.homeHost;
    const direct = isLoopback(url.host);
    const key = `${url.protocol} ${isHome} ${direct}`;
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const made = this.#makeAgent(url.protocol === 'https:', isHome, direct);
    this.#agents.set(key, made);
    return made;
  }

  async #makeAgent(secure: boolean, isHome: boolean, direct: boolean): Promise<HttpAgent> {
    const options = { keepAlive: true, timeout: KEEP_ALIVE_MS, ...(direct ? {} : { proxyEnv: this.#options.env }) };
    if (!secure) return new HttpAgent(options);
    const secureContext = await (isHome ? this.#options.home() : this.#options.elsewhere());
    return new HttpsAgent({ ...options, secureContext, rejectUnauthorized: !this.#options.skipVerify });
  }
}

/** Reads the whole body. Throws resource-exhausted when it is larger than `limit` bytes. */
export async function readBody(response: HttpResponse, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit)
        throw new EngineError('resource-exhausted', `${showUrl(response.url)}: answer larger than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof EngineError ? error : unreachable(response.url, describe(error), error);
  }
  return Buffer.concat(chunks);
}

/** Ends an answer that nobody reads. */
export async function discard(response: HttpResponse): Promise<void> {
  response.body.resume();
  const length = Number(response.headers['content-length'] ?? Number.NaN);
  // A short rest is read so that the connection can serve the next request; a long one costs more than a connection.
  if (!(length <= 64 * 1024)) response.body.destroy();
  await finished(response.body).catch(() => undefined); // destroyed by us
}

/** An URL for messages: its query may hold a signature that is as good as a password. */
export function showUrl(url: URL): string {
  return `${url.origin}${url.pathname}`.slice(0, 300);
}

/** A kept connection that the server had closed before it saw the request. */
class StaleConnection extends Error {}

function exchange(
  request: HttpRequest,
  agent: HttpAgent,
  dialTimeoutMs: number,
  signal: AbortSignal,
): Promise<HttpResponse> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
  const { url, method, body } = request;
  const secure = url.protocol === 'https:';
  const outgoing = (secure ? httpsRequest : httpRequest)(url, {
    method,
    agent,
    signal,
    headers: { ...request.headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
  });
  const stopTimers = startTimers(outgoing, secure, dialTimeoutMs);
  outgoing.on('response', (incoming) => {
    stopTimers();
    // Without a listener an error between the header and the first read would end the process.
    incoming.on('error', () => undefined);
    resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming, url });
  });
  outgoing.on('error', (error) => {
    stopTimers();
    if (signal.aborted) reject(signal.reason as Error);
    else if (outgoing.reusedSocket && isReset(error) && method !== 'POST') reject(new StaleConnection());
    else reject(unreachable(url, describe(error), error));
  });
  outgoing.end(body);
  return promise;
}

function startTimers(outgoing: ClientRequest, secure: boolean, dialTimeoutMs: number): () => void {
  const give = (ms: number, what: string): NodeJS.Timeout =>
    setTimeout(() => outgoing.destroy(new Error(`${what} within ${ms / 1000} s`)), ms);
  const answer = give(HEADER_TIMEOUT_MS, 'no answer');
  let dial: NodeJS.Timeout | undefined;
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return;
    dial = give(dialTimeoutMs, 'no connection');
    socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(dial));
  });
  return () => {
    clearTimeout(answer);
    clearTimeout(dial);
  };
}

function unreachable(url: URL, problem: string, cause?: unknown): EngineError {
  return new EngineError('unavailable', `${showUrl(url)}: ${problem}`, { reason: 'RegistryUnavailable', cause });
}

/** A name with several addresses fails with a list of errors and no message of its own. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map((one) => messageOf(one)).join('; ');
  return messageOf(error);
}

function isReset(error: Error): boolean {
  return 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}
