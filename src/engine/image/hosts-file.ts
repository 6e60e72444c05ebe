import { isAbsolute, join } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { EngineError, messageOf } from '../errors.ts';

/**
 * containerd's `hosts.toml`: which hosts serve a registry's images. The format is containerd's (docs/hosts.md there);
 * a file that cannot be understood stops the pull, since guessing would go around the operator's mirror.
 */
export interface HostsFile {
  /** In the order of the file; the server itself is not among them. */
  readonly hosts: readonly HostEntry[];
  /** The file's top level: settings of the registry's own server. Its `url` is absent where the file names none. */
  readonly server: ServerEntry;
  /** Keys that davit does not know, by their path in the file. */
  readonly unknownKeys: readonly string[];
}

export interface HostSettings {
  readonly pull: boolean;
  readonly resolve: boolean;
  /** Absolute paths of PEM files that are trusted beside the system's. */
  readonly ca: readonly string[];
  readonly client: readonly ClientPair[];
  readonly skipVerify: boolean;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly dialTimeoutMs?: number;
}

/** Absolute paths of a client certificate and its key; one file may hold both. */
export interface ClientPair {
  readonly cert: string;
  readonly key?: string;
}

export interface HostEntry extends HostSettings {
  /** The API's root, e.g. `https://mirror.example/v2`, without a slash at its end. */
  readonly url: string;
}

export interface ServerEntry extends HostSettings {
  readonly url?: string;
}

/** Settings where a file says nothing. */
export const DEFAULT_SETTINGS: HostSettings = {
  pull: true,
  resolve: true,
  ca: [],
  client: [],
  skipVerify: false,
  headers: {},
};

const SETTING_KEYS = new Set([
  'capabilities',
  'ca',
  'client',
  'skip_verify',
  'header',
  'override_path',
  'dial_timeout',
]);
const CAPABILITIES = new Set(['pull', 'resolve', 'push', 'referrers']);
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const DURATION = /^(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+$/;
const DURATION_PART = /([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)/g;
const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

type Table = Readonly<Record<string, unknown>>;

/** Where a value stands, for messages and for paths that are relative to the file. */
interface Place {
  readonly file: string;
  readonly directory: string;
  /** The table's path, '' or `host."…"`. */
  readonly table: string;
}

/** Parses the text of `file`, which lies in `directory`. Throws failed-precondition that names file and key. */
export function parseHostsFile(text: string, file: string, directory: string): HostsFile {
  const root = parseToml(text, file);
  const top: Place = { file, directory, table: '' };
  const unknownKeys: string[] = [];
  const { server, host, ...settings } = root;
  const hosts = Object.entries(host === undefined ? {} : table(host, top, 'host')).map(([name, value]) => {
    const place = { ...top, table: `host.${JSON.stringify(name)}` };
    const entry = table(value, top, place.table);
    return { url: apiRoot(name, entry, place, place.table), ...readSettings(entry, place, unknownKeys) };
  });
  const name = server === undefined ? '' : string(server, top, 'server');
  return {
    hosts,
    server: {
      ...(name === '' ? {} : { url: apiRoot(name, settings, top, 'server') }),
      ...readSettings(settings, top, unknownKeys),
    },
    unknownKeys,
  };
}

function parseToml(text: string, file: string): Table {
  try {
    return parse(text);
  } catch (error) {
    const line = error instanceof TomlError ? `:${error.line}` : '';
    const problem = messageOf(error).split('\n', 1)[0] ?? '';
    throw new EngineError('failed-precondition', `${file}${line}: ${problem}`, { cause: error });
  }
}

function readSettings(entry: Table, place: Place, unknownKeys: string[]): HostSettings {
  for (const key of Object.keys(entry)) {
    if (!SETTING_KEYS.has(key)) unknownKeys.push(path(place, key));
  }
  const capabilities = readCapabilities(entry['capabilities'], place);
  const dialTimeoutMs = readDuration(entry['dial_timeout'], place);
  return {
    pull: capabilities.has('pull'),
    resolve: capabilities.has('resolve'),
    ca: readFiles(entry['ca'], place),
    client: readClient(entry['client'], place),
    skipVerify: entry['skip_verify'] === undefined ? false : boolean(entry['skip_verify'], place, 'skip_verify'),
    headers: readHeaders(entry['header'], place),
    ...(dialTimeoutMs === undefined ? {} : { dialTimeoutMs }),
  };
}

/** The URL that `/manifests` and `/blobs` are below: `/v2` is added unless the path ends so or is said to be the root. */
function apiRoot(server: string, entry: Table, place: Place, key: string): string {
  const override = entry['override_path'];
  const keepsPath = override === undefined ? false : boolean(override, place, 'override_path');
  const text = server.includes('://') ? server : `https://${server}`;
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.host === '') {
    throw bad(place, key, `${JSON.stringify(server)} is no http or https URL`, true);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw bad(place, key, 'the URL may hold no user, query or fragment', true);
  }
  const given = url.pathname.replace(/\/+$/, '');
  return url.origin + (keepsPath || given.endsWith('/v2') ? given : `${given}/v2`);
}

function readCapabilities(value: unknown, place: Place): ReadonlySet<string> {
  const names = value === undefined ? [] : strings(value, place, 'capabilities').map((name) => name.toLowerCase());
  for (const name of names) {
    if (!CAPABILITIES.has(name)) {
      throw bad(place, 'capabilities', `${JSON.stringify(name)} is none of pull, resolve, push, referrers`);
    }
  }
  return names.length === 0 ? CAPABILITIES : new Set(names);
}

function readFiles(value: unknown, place: Place): readonly string[] {
  if (value === undefined) return [];
  const names = typeof value === 'string' ? [value] : strings(value, place, 'ca');
  return names.map((name) => absolute(name, place));
}

/** A file with certificate and key, a list of such files, or a list of pairs. */
function readClient(value: unknown, place: Place): readonly ClientPair[] {
  if (value === undefined) return [];
  const items = typeof value === 'string' ? [value] : array(value, place, 'client');
  return items.map((item) => {
    if (typeof item === 'string') return { cert: absolute(item, place) };
    const [cert, key, ...rest] = strings(item, place, 'client');
    if (cert === undefined || key === undefined || rest.length > 0) {
      throw bad(place, 'client', 'a pair is the path of a certificate and the path of its key');
    }
    return { cert: absolute(cert, place), key: absolute(key, place) };
  });
}

function readHeaders(value: unknown, place: Place): Readonly<Record<string, readonly string[]>> {
  if (value === undefined) return {};
  const entries = Object.entries(table(value, place, 'header')).map(([name, given]): [string, readonly string[]] => {
    if (!HEADER_NAME.test(name)) throw bad(place, 'header', `${JSON.stringify(name)} is no header's name`);
    const values = typeof given === 'string' ? [given] : strings(given, place, `header.${name}`);
    // The value may be a secret: the message does not repeat it.
    if (values.some((text) => /[^\t\u0020-\u007e\u0080-\u00ff]/.test(text))) {
      throw bad(place, `header.${name}`, 'holds a character that no header may hold');
    }
    return [name, values];
  });
  return Object.fromEntries(entries);
}

function readDuration(value: unknown, place: Place): number | undefined {
  if (value === undefined || value === '') return undefined;
  const text = string(value, place, 'dial_timeout');
  if (!DURATION.test(text)) throw bad(place, 'dial_timeout', `${JSON.stringify(text)} is no duration such as "3s"`);
  let total = 0;
  for (const [, amount, unit] of text.matchAll(DURATION_PART)) total += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  return Math.max(1, Math.round(total));
}

function absolute(name: string, place: Place): string {
  return isAbsolute(name) ? name : join(place.directory, name);
}

function table(value: unknown, place: Place, key: string): Table {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(place, key, 'must be a table');
  return value as Table;
}

function array(value: unknown, place: Place, key: string): readonly unknown[] {
  if (!Array.isArray(value)) throw bad(place, key, 'must be a string or an array');
  return value;
}

function strings(value: unknown, place: Place, key: string): readonly string[] {
  return array(value, place, key).map((item) => string(item, place, key));
}

function string(value: unknown, place: Place, key: string): string {
  if (typeof value !== 'string') throw bad(place, key, 'must be a string');
  return value;
}

function boolean(value: unknown, place: Place, key: string): boolean {
  if (typeof value !== 'boolean') throw bad(place, key, 'must be true or false');
  return value;
}

function path(place: Place, key: string): string {
  return place.table === '' || place.table === key ? key : `${place.table}.${key}`;
}

function bad(place: Place, key: string, problem: string, isPath = false): EngineError {
  return new EngineError('failed-precondition', `${place.file}: ${isPath ? key : path(place, key)}: ${problem}`);
}
