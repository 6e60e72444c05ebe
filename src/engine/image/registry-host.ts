import { STATUS_CODES } from 'node:http';
import { EngineError } from '../errors.ts';
import type { ErrorKind } from '../errors.ts';
import { Authenticator } from './auth.ts';
import type { Credentials } from './credentials.ts';
import type { RegistryHost } from './hosts.ts';
import { discard, HttpClient, readBody, showUrl } from './http.ts';
import type { HttpResponse } from './http.ts';
import { asArray, asObject, field, parseJsonObject } from './json.ts';
import type { Reference } from './reference.ts';
import type { TlsSettings } from './tls-settings.ts';

export interface HostRequest {
  readonly method: 'GET' | 'HEAD';
  /** Below the repository, e.g. `manifests/latest`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RegistryHostDeps {
  readonly tls: TlsSettings;
  readonly env: NodeJS.ProcessEnv;
}

const DEFAULT_DIAL_TIMEOUT_MS = 30_000;
const MAX_ERROR_BODY_BYTES = 64 * 1024;
const MAX_ERROR_TEXT = 200;

/** Asks one host for one repository: its path, its headers, and its rights. */
export class RepositoryAtHost {
  readonly host: RegistryHost;
  readonly #http: HttpClient;
  readonly #auth: Authenticator;
  readonly #reference: Reference;

  constructor(host: RegistryHost, reference: Reference, credentials: Credentials | undefined, deps: RegistryHostDeps) {
    const url = new URL(host.url);
    this.host = host;
    this.#reference = reference;
    this.#http = new HttpClient({
      home: () => deps.tls.context(host.ca, host.client),
      elsewhere: () => deps.tls.context(host.ca, []),
      homeHost: url.host,
      skipVerify: host.skipVerify,
      dialTimeoutMs: host.dialTimeoutMs ?? DEFAULT_DIAL_TIMEOUT_MS,
      env: deps.env,
    });
    const { domain, path } = reference;
    this.#auth = new Authenticator({ http: this.#http, url, domain, repository: path, credentials });
  }

  /** Any answer but 401 is a result. Throws unauthenticated, or unavailable with a reason when no answer came. */
  async send(request: HostRequest, signal: AbortSignal): Promise<HttpResponse> {
    const used = this.#auth.authorization;
    const first = await this.#sendAs(request, used, signal);
    if (first.status !== 401) return first;
    await discard(first);
    if (first.url.host !== new URL(this.host.url).host) throw await statusError(first);
    const fresh = await this.#auth.answer(first, used, signal);
    const second = await this.#sendAs(request, fresh, signal);
    if (second.status === 401) throw await statusError(second);
    return second;
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  #sendAs(request: HostRequest, authorization: string | undefined, signal: AbortSignal): Promise<HttpResponse> {
    const url = new URL(`${this.host.url}/${this.#reference.path}/${request.path}`);
    if (this.host.isMirror) url.searchParams.set('ns', this.#reference.domain);
    const own = Object.fromEntries(Object.entries(this.host.headers).map(([name, values]) => [name, [...values]]));
    if (authorization !== undefined) deleteHeader(own, 'authorization');
    return this.#http.send(
      {
        method: request.method,
        url,
        headers: { ...request.headers, 'accept-encoding': 'identity' },
        privateHeaders: { ...own, ...(authorization === undefined ? {} : { authorization }) },
      },
      signal,
    );
  }
}

/** What a status that is no success means. Reads the answer's body for the registry's own words. */
export async function statusError(response: HttpResponse): Promise<EngineError> {
  const words = await registryWords(response);
  const { status } = response;
  const said = words === '' ? (STATUS_CODES[status] ?? '') : words;
  return new EngineError(kindOfStatus(status), `${showUrl(response.url)}: ${status} ${said}`.trimEnd());
}

function kindOfStatus(status: number): ErrorKind {
  if (status === 401) return 'unauthenticated';
  if (status === 403) return 'permission-denied';
  if (status === 404) return 'not-found';
  if (status === 429) return 'resource-exhausted';
  return status >= 500 || status === 408 ? 'unavailable' : 'unknown';
}

/** The first error of the body, as the distribution specification has it: code and message, made printable. */
async function registryWords(response: HttpResponse): Promise<string> {
  try {
    const document = parseJsonObject(await readBody(response, MAX_ERROR_BODY_BYTES), 'answer');
    const first = asObject(asArray(field(document, 'errors'), 'errors')[0], 'errors[0]');
    const parts = [field(first, 'code'), field(first, 'message')].filter((part) => typeof part === 'string');
    return parts
      .join(': ')
      .replaceAll(/[^\u0020-\u007e]+/g, ' ')
      .slice(0, MAX_ERROR_TEXT);
  } catch {
    return ''; // no body, or not the specification's: the status alone must do
  }
}

function deleteHeader(headers: Record<string, unknown>, name: string): void {
  for (const key of Object.keys(headers)) if (key.toLowerCase() === name) delete headers[key];
}
