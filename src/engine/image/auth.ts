import { EngineError } from '../errors.ts';
import { parseChallenges } from './challenge.ts';
import type { Challenge } from './challenge.ts';
import { allowsHost } from './credentials.ts';
import type { Credentials } from './credentials.ts';
import { isLoopback } from './hosts.ts';
import { readBody, showUrl } from './http.ts';
import type { HttpClient, HttpRequest, HttpResponse } from './http.ts';
import { field, parseJsonObject } from './json.ts';

export interface AuthenticatorDeps {
  readonly http: Pick<HttpClient, 'send'>;
  /** The host's API root. */
  readonly url: URL;
  /** The registry that the image's name says. */
  readonly domain: string;
  /** The repository, for the scope of tokens. */
  readonly repository: string;
  readonly credentials: Credentials | undefined;
}

const MAX_TOKEN_ANSWER_BYTES = 1024 * 1024;
const CLIENT_ID = 'davit';

/**
 * The right to read one repository at one host. Nothing is sent until the host asks; a token is fetched once for all
 * requests that were refused at the same time.
 */
export class Authenticator {
  readonly #deps: AuthenticatorDeps;
  #authorization: string | undefined;
  #pending: Promise<string> | undefined;

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps;
  }

  /** The Authorization header that the host accepted last. */
  get authorization(): string | undefined {
    return this.#authorization;
  }

  /**
   * Answers a 401: `used` is the header that was refused. Throws unauthenticated when there is nothing (else) to offer,
   * and unavailable when the token server cannot be reached.
   */
  async answer(refused: HttpResponse, used: string | undefined, signal: AbortSignal): Promise<string> {
    if (this.#authorization !== undefined && this.#authorization !== used) return this.#authorization;
    const challenges = parseChallenges(refused.headers['www-authenticate'] ?? '');
    this.#pending ??= this.#negotiate(challenges, signal).finally(() => {
      this.#pending = undefined;
    });
    const fresh = await this.#pending;
    if (fresh === used) throw this.#refused('refused the credentials');
    this.#authorization = fresh;
    return fresh;
  }

  async #negotiate(challenges: readonly Challenge[], signal: AbortSignal): Promise<string> {
    const { credentials, url, domain } = this.#deps;
    const own = credentials !== undefined && allowsHost(credentials, url.host, domain) ? credentials : undefined;
    const withheld = credentials !== undefined && own === undefined ? ' (the given ones are for another host)' : '';
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) {
      const token = own?.registryToken || (await this.#fetchToken(bearer, own, signal));
      return `Bearer ${token}`;
    }
    if (challenges.some(({ scheme }) => scheme === 'basic')) {
      if (own === undefined || own.username === '') throw this.#refused(`asks for credentials${withheld}`);
      return basic(own);
    }
    throw this.#refused(`asks for credentials in a way that davit does not know${withheld}`);
  }

  /** By GET, as every token server knows it; an identity token goes by POST (OAuth 2). */
  async #fetchToken(challenge: Challenge, own: Credentials | undefined, signal: AbortSignal): Promise<string> {
    const request = this.#tokenRequest(challenge, own);
    const response = await this.#deps.http.send(request, signal);
    const body = await readBody(response, MAX_TOKEN_ANSWER_BYTES);
    const where = showUrl(request.url);
    if (response.status === 401 || response.status === 403 || response.status === 400) {
      const whose = own === undefined ? 'no anonymous access' : 'the credentials were refused';
      throw this.#refused(`wants a token, and ${where} answered ${response.status}: ${whose}`);
    }
    if (response.status !== 200) {
      const kind = response.status >= 500 ? 'unavailable' : 'unauthenticated';
      throw new EngineError(kind, `token server ${where} answered ${response.status}`);
    }
    const answer = parseJsonObject(body, `the answer of token server ${where}`);
    const token = field(answer, 'token') || field(answer, 'access_token');
    if (typeof token !== 'string' || !/^[\u0021-\u007e]+$/.test(token)) {
      throw new EngineError('unauthenticated', `token server ${where} sent no usable token`);
    }
    return token;
  }

  #tokenRequest(challenge: Challenge, own: Credentials | undefined): HttpRequest {
    const { realm = '', service = '', scope = '' } = challenge.parameters;
    const url = URL.parse(realm);
    if (url === null || !/^https?:$/.test(url.protocol)) throw this.#refused('names no usable token server');
    const secret = own !== undefined && (own.identityToken !== '' || own.username !== '');
    if (secret && url.protocol === 'http:' && this.#deps.url.protocol === 'https:' && !isLoopback(url.host)) {
      throw this.#refused(`wants the credentials sent unencrypted to ${showUrl(url)}`);
    }
    const fields = new URLSearchParams();
    if (service !== '') fields.set('service', service);
    fields.set('scope', scope === '' ? `repository:${this.#deps.repository}:pull` : scope);
    if (own !== undefined && own.identityToken !== '') {
      fields.set('grant_type', 'refresh_token');
      fields.set('client_id', CLIENT_ID);
      fields.set('refresh_token', own.identityToken);
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return { method: 'POST', url, headers, body: fields.toString() };
    }
    for (const [key, value] of fields) url.searchParams.set(key, value);
    if (own === undefined || own.username === '') return { method: 'GET', url, headers: {} };
    url.searchParams.set('account', own.username);
    return { method: 'GET', url, headers: {}, privateHeaders: { authorization: basic(own) } };
  }

  #refused(problem: string): EngineError {
    return new EngineError('unauthenticated', `${this.#deps.url.origin} ${problem}`);
  }
}

function basic(credentials: Credentials): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
}
