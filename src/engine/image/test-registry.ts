import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestBlob, TestImage } from './test-image.ts';

export interface SeenRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

export interface TestAuth {
  readonly scheme: 'basic' | 'bearer';
  readonly username: string;
  readonly password: string;
  readonly identityToken?: string;
}

/** A registry over real HTTP for tests, with the faults that registries have. */
export class TestRegistry implements AsyncDisposable {
  readonly seen: SeenRequest[] = [];
  /** Blobs that break off after so many bytes, once. */
  readonly cut = new Map<string, number>();
  /** Blobs whose bytes are not what their digest says. */
  readonly corrupt = new Set<string>();
  /** Blobs that stop after so many bytes and never go on. */
  readonly stall = new Map<string, number>();
  /** Blobs that are sent only once their gate opens. */
  readonly gates = new Map<string, Promise<void>>();
  /** Status that answers everything, and its message. */
  failing: number | undefined;
  auth: TestAuth | undefined;
  /** Blobs are fetched from here by a redirect. */
  storage: TestRegistry | undefined;
  supportsHead = true;
  supportsRange = true;
  readonly #server: Server;
  readonly #tags = new Map<string, TestImage>();
  readonly #blobs = new Map<string, TestBlob>();
  readonly #tokens = new Set<string>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => void this.#serve(request, response).catch(() => response.destroy()));
  }

  static async start(): Promise<TestRegistry> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TestRegistry(server);
  }

  /** Host and port. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  push(repository: string, tag: string, image: TestImage): void {
    this.#tags.set(`${repository}:${tag}`, image);
    for (const blob of image.blobs.values()) this.#blobs.set(blob.digest, blob);
  }

  /** How often a blob was asked for by GET. */
  gets(digest: string): number {
    return this.seen.filter(({ method, path }) => method === 'GET' && path.endsWith(digest)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', `http://${this.host}`);
    const { authorization, range } = request.headers;
    this.seen.push({ method: request.method ?? '', path: url.pathname, query: url.searchParams, authorization, range });
    if (this.failing !== undefined) return refuse(response, this.failing, 'FAILING', 'told to fail');
    if (url.pathname === '/token') return this.#serveToken(request, url, response);
    if (!this.#allowed(authorization)) return this.#challenge(url, response);
    const [, repository = '', kind = '', name = ''] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url.pathname) ?? [];
    if (kind === 'manifests') return this.#serveManifest(request, repository, name, response);
    const blob = this.#blobs.get(name);
    if (kind !== 'blobs' || blob === undefined) return refuse(response, 404, 'BLOB_UNKNOWN', 'blob unknown');
    if (this.storage !== undefined) {
      response.writeHead(307, { location: `http://${this.storage.host}${url.pathname}?signature=secret` }).end();
      return undefined;
    }
    return this.#serveBlob(blob, range, response);
  }

  #serveManifest(request: IncomingMessage, repository: string, name: string, response: ServerResponse): undefined {
    const image = this.#tags.get(`${repository}:${name}`);
    const blob = this.#blobs.get(image?.digest ?? name);
    if (blob === undefined) return refuse(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    if (request.method === 'HEAD' && !this.supportsHead) return refuse(response, 405, 'UNSUPPORTED', 'no HEAD');
    const bytes = this.corrupt.has(blob.digest) ? damaged(blob.bytes) : blob.bytes;
    response.writeHead(200, {
      'content-type': blob.mediaType,
      'content-length': bytes.length,
      'docker-content-digest': blob.digest,
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
    return undefined;
  }

  async #serveBlob(blob: TestBlob, range: string | undefined, response: ServerResponse): Promise<void> {
    const start = this.supportsRange ? Number(/^bytes=([0-9]+)-$/.exec(range ?? '')?.[1] ?? 0) : 0;
    const whole = this.corrupt.has(blob.digest) ? damaged(blob.bytes) : blob.bytes;
    const bytes = whole.subarray(start);
    const partial = start > 0 ? { 'content-range': `bytes ${start}-${whole.length - 1}/${whole.length}` } : {};
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': bytes.length, ...partial });
    const cut = this.cut.get(blob.digest);
    const stall = this.stall.get(blob.digest);
    this.cut.delete(blob.digest);
    if (cut !== undefined) {
      response.write(bytes.subarray(0, cut), () => response.destroy());
      return;
    }
    if (stall !== undefined) {
      response.write(bytes.subarray(0, stall));
      return;
    }
    const gate = this.gates.get(blob.digest);
    if (gate !== undefined) {
      response.write(bytes.subarray(0, 1));
      await gate;
      response.end(bytes.subarray(1));
    } else response.end(bytes);
  }

  #allowed(authorization: string | undefined): boolean {
    if (this.auth === undefined) return true;
    const [scheme = '', value = ''] = (authorization ?? '').split(' ');
    if (this.auth.scheme === 'bearer') return scheme === 'Bearer' && this.#tokens.has(value);
    return (
      scheme === 'Basic' && Buffer.from(value, 'base64').toString() === `${this.auth.username}:${this.auth.password}`
    );
  }

  #challenge(url: URL, response: ServerResponse): undefined {
    const repository = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(url.pathname)?.[1] ?? '';
    const bearer = `Bearer realm="http://${this.host}/token",service="test",scope="repository:${repository}:pull"`;
    response.setHeader('www-authenticate', this.auth?.scheme === 'bearer' ? bearer : 'Basic realm="test"');
    return refuse(response, 401, 'UNAUTHORIZED', 'authentication required');
  }

  async #serveToken(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    const basic = Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString();
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const refresh = new URLSearchParams(body).get('refresh_token');
    const known = this.auth !== undefined && basic === `${this.auth.username}:${this.auth.password}`;
    const traded = refresh !== null && refresh === this.auth?.identityToken;
    if (!known && !traded) return refuse(response, 401, 'UNAUTHORIZED', 'who are you');
    const token = `token-${this.#tokens.size}-${url.searchParams.get('scope') ?? ''}`.replaceAll(/[^\w:/-]/g, '');
    this.#tokens.add(token);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token }));
  }
}

function refuse(response: ServerResponse, status: number, code: string, message: string): undefined {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
  return undefined;
}

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 0xff;
  return copy;
}
