import { createHash } from 'node:crypto';
import { invalidField } from '../errors.ts';
import type { RegistryAuth } from '../types/index.ts';

/** A right to pull, as a request gives it. Never logged, never part of a message. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** Traded for an access token by OAuth 2; '' where there is none. */
  readonly identityToken: string;
  /** Sent as it is; '' where there is none. */
  readonly registryToken: string;
  /** Host and port that alone may see it; '' for every host that serves the image. */
  readonly server: string;
}

/** Names of one registry that people use for each other. */
const DOCKER_HUB = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** The credentials of a request; undefined for an anonymous pull. Throws invalid-argument that repeats no secret. */
export function credentialsOf(auth: RegistryAuth | undefined): Credentials | undefined {
  if (auth === undefined) return undefined;
  const decoded = decodeAuth(auth);
  const username = auth.username || decoded.username;
  const password = auth.password || decoded.password;
  const { identityToken = '', registryToken = '' } = auth;
  if (username === '' && password === '' && identityToken === '' && registryToken === '') return undefined;
  if (username.includes(':')) throw invalidField('auth.username', 'must not hold a colon');
  for (const [name, token] of [
    ['identity_token', identityToken],
    ['registry_token', registryToken],
  ]) {
    if (/[^\u0021-\u007e]/.test(token ?? ''))
      throw invalidField(`auth.${name}`, 'holds a character that no token may hold');
  }
  return { username, password, identityToken, registryToken, server: serverHost(auth.serverAddress ?? '') };
}

/** May these credentials be shown to `host`, which serves images of `domain`? */
export function allowsHost(credentials: Credentials, host: string, domain: string): boolean {
  const { server } = credentials;
  if (server === '') return true;
  if (sameRegistry(server, host)) return true;
  // The address may be the registry's name where its own server has another one; a mirror is neither.
  return sameRegistry(server, domain) && sameRegistry(domain, host);
}

/** Equal for equal rights: pulls with different credentials never share a result. */
export function credentialsHash(credentials: Credentials | undefined): string {
  if (credentials === undefined) return 'anonymous';
  const { username, password, identityToken, registryToken, server } = credentials;
  return createHash('sha256')
    .update(JSON.stringify([username, password, identityToken, registryToken, server]))
    .digest('hex');
}

function decodeAuth(auth: RegistryAuth): { username: string; password: string } {
  const none = { username: '', password: '' };
  if (auth.auth === undefined || auth.auth === '' || (auth.username ?? '') !== '') return none;
  // Some tools pad what they encode with NUL bytes.
  const text = Buffer.from(auth.auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = text.indexOf(':');
  if (colon < 0) throw invalidField('auth.auth', 'is not the base64 form of user:password');
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Host and port of a server address, which may be a bare host or a URL with any path. */
function serverHost(address: string): string {
  if (address === '') return '';
  const url = URL.parse(address.includes('://') ? address : `https://${address}`);
  if (url === null || url.host === '') throw invalidField('auth.server_address', 'is neither a host nor a URL');
  return url.host.toLowerCase();
}

function sameRegistry(a: string, b: string): boolean {
  return canonicalHost(a) === canonicalHost(b);
}

function canonicalHost(host: string): string {
  const name = host.toLowerCase().replace(/:443$/, '');
  return DOCKER_HUB.has(name) ? 'docker.io' : name;
}
