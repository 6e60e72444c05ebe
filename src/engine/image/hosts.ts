import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, messageOf } from '../errors.ts';
import { DEFAULT_SETTINGS, parseHostsFile } from './hosts-file.ts';
import type { ClientPair, HostSettings } from './hosts-file.ts';

/** One host that may serve a registry's images, as it is to be asked. */
export interface RegistryHost extends HostSettings {
  /** The API's root, e.g. `https://registry-1.docker.io/v2`. */
  readonly url: string;
  /** The host serves another registry's images and must be told whose: `?ns=<domain>`. */
  readonly isMirror: boolean;
}

export interface HostsDeps {
  /** Folders that hold a folder for each registry, first match wins: `certs.d`. */
  readonly configPath: () => readonly string[];
  /** Told of keys that are not understood and therefore have no effect. */
  readonly warn: (message: string) => void;
}

const HOSTS_FILE = 'hosts.toml';
const DEFAULT_FOLDER = '_default';
const DOCKER_DOMAIN = 'docker.io';
const DOCKER_HOST = 'registry-1.docker.io';

/**
 * The hosts to ask for images of `domain`, in order: those of the file, then the registry's own server. Read anew at
 * each pull, so that a change needs no restart. Throws failed-precondition naming file and key.
 */
export async function loadHosts(domain: string, deps: HostsDeps): Promise<readonly RegistryHost[]> {
  const folder = await findFolder(domain, deps.configPath());
  if (folder === undefined) return [ownServer(domain, DEFAULT_SETTINGS)];
  const file = join(folder, HOSTS_FILE);
  const text = await readIfThere(file);
  if (text === undefined || text.trim() === '') return [ownServer(domain, await readCertificates(folder))];

  const parsed = parseHostsFile(text, file, folder);
  for (const key of parsed.unknownKeys) deps.warn(`${file}: unknown key ${key} has no effect`);
  const { url, ...settings } = parsed.server;
  const server =
    url === undefined ? ownServer(domain, settings) : { ...settings, url, isMirror: isMirror(url, domain) };
  return [...parsed.hosts.map((host) => ({ ...host, isMirror: isMirror(host.url, domain) })), server];
}

/** True for the names of this machine itself, with or without a port. */
export function isLoopback(host: string): boolean {
  const name = host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : host.replace(/:[0-9]+$/, '');
  return name === 'localhost' || name === '[::1]' || /^127(?:\.[0-9]{1,3}){3}$/.test(name);
}

/**
 * The server that a name itself means. As with containerd, this machine's own registries are asked over plain http
 * unless the port is https's, and without verification.
 */
function ownServer(domain: string, settings: HostSettings): RegistryHost {
  if (domain === DOCKER_DOMAIN) return { ...settings, url: `https://${DOCKER_HOST}/v2`, isMirror: false };
  if (!isLoopback(domain)) return { ...settings, url: `https://${domain}/v2`, isMirror: false };
  const port = /:([0-9]+)$/.exec(domain)?.[1] ?? '443';
  return {
    ...settings,
    url: `${port === '443' ? 'https' : 'http'}://${domain}/v2`,
    skipVerify: true,
    isMirror: false,
  };
}

function isMirror(url: string, domain: string): boolean {
  const { host, hostname } = new URL(url);
  if (domain === DOCKER_DOMAIN && host === DOCKER_HOST) return false;
  return host !== domain.toLowerCase() && `${hostname}:443` !== domain.toLowerCase();
}

/** The first folder that exists: `<host>_<port>_`, `<host>:<port>`, `_default`, root by root. */
async function findFolder(domain: string, roots: readonly string[]): Promise<string | undefined> {
  const colon = /:[0-9]+$/.test(domain) ? domain.lastIndexOf(':') : -1;
  const escaped = colon > 0 ? [`${domain.slice(0, colon)}_${domain.slice(colon + 1)}_`] : [];
  for (const root of roots) {
    for (const name of [...escaped, domain, DEFAULT_FOLDER]) {
      const folder = join(root, name);
      if (await exists(folder)) return folder;
    }
  }
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw unreadable(path, error);
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(file, error);
  }
}

/** A folder without hosts.toml holds certificates in Docker's layout: *.crt, and *.cert with *.key. */
async function readCertificates(folder: string): Promise<HostSettings> {
  const names = (await readdir(folder).catch((error: unknown) => Promise.reject(unreadable(folder, error)))).sort();
  const client = names
    .filter((name) => name.endsWith('.cert'))
    .map((name): ClientPair => {
      const key = `${name.slice(0, -'.cert'.length)}.key`;
      return { cert: join(folder, name), ...(names.includes(key) ? { key: join(folder, key) } : {}) };
    });
  const ca = names.filter((name) => name.endsWith('.crt')).map((name) => join(folder, name));
  return { ...DEFAULT_SETTINGS, ca, client };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function unreadable(path: string, error: unknown): EngineError {
  return new EngineError('failed-precondition', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
}
