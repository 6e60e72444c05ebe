import { open, readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { EngineError, messageOf } from '../errors.ts';
import { CNI_VERSIONS, DEFAULT_CNI_VERSION, newestKnown } from './cni-version.ts';
import type { JsonObject } from './json.ts';
import { isObject, textOf } from './json.ts';

/** A plugin's part of a configuration, as it was written. */
export interface PluginConf extends JsonObject {
  readonly type: string;
}

/** A network: the plugins that make an attachment, in the order of ADD. Plain JSON, so that it can be kept on disk. */
export interface NetworkConf {
  readonly name: string;
  readonly cniVersion: string;
  readonly disableCheck: boolean;
  readonly disableGc: boolean;
  readonly plugins: readonly PluginConf[];
  /** The file that it came from, or `built-in`. */
  readonly source: string;
}

export interface ConfProblem {
  readonly path: string;
  readonly message: string;
}

/** What the configured folders hold: the network that counts, if any, and what is wrong with which file. */
export interface ConfSelection {
  readonly network?: NetworkConf;
  readonly problems: readonly ConfProblem[];
}

const EXTENSIONS = ['.conflist', '.conf', '.json'];
const CONF_MAX_BYTES = 1024 * 1024;
/** By the specification. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/** Parses a `.conflist`, or a `.conf` or `.json` with a single plugin. Throws an EngineError that says what is wrong. */
export function parseNetworkConf(text: string, path: string): NetworkConf {
  const root = parseJson(text);
  const name = textOf(root['name']);
  if (name === undefined || !NAME.test(name)) throw bad(`"name" is not a network's name: ${shown(root['name'])}`);
  const isList = Array.isArray(root['plugins']);
  if (extname(path) === '.conflist' && !isList) throw bad('a .conflist needs a list "plugins"');
  const plugins = (Array.isArray(root['plugins']) ? root['plugins'] : [root]).map((plugin: unknown, index) =>
    parsePlugin(plugin, isList ? `plugins[${index}]` : 'the configuration'),
  );
  if (plugins.length === 0) throw bad('"plugins" is empty');
  return {
    name,
    cniVersion: versionOf(root),
    disableCheck: isSet(root['disableCheck']),
    disableGc: isSet(root['disableGC']),
    plugins,
    source: path,
  };
}

/** Reads every configuration file of the folders, in their order and then by name; the first valid one counts. */
export async function loadNetworkConf(dirs: readonly string[]): Promise<ConfSelection> {
  const problems: ConfProblem[] = [];
  let network: NetworkConf | undefined;
  for (const dir of dirs) {
    for (const path of await filesIn(dir, problems)) {
      try {
        const found = parseNetworkConf(await readConf(path), path);
        network ??= found;
      } catch (error) {
        problems.push({ path, message: messageOf(error) });
      }
    }
  }
  return network === undefined ? { problems } : { network, problems };
}

async function filesIn(dir: string, problems: ConfProblem[]): Promise<readonly string[]> {
  try {
    const names = await readdir(dir);
    return names
      .filter((name) => EXTENSIONS.includes(extname(name)))
      .sort()
      .map((name) => join(dir, name));
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isAbsent) problems.push({ path: dir, message: messageOf(error) });
    return [];
  }
}

async function readConf(path: string): Promise<string> {
  await using file = await open(path, 'r');
  const stat = await file.stat();
  if (!stat.isFile()) throw bad('not a regular file');
  if (stat.size > CONF_MAX_BYTES) throw bad(`larger than ${CONF_MAX_BYTES} bytes`);
  return await file.readFile('utf8');
}

function parseJson(text: string): JsonObject {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (error) {
    throw bad(`not JSON: ${messageOf(error)}`);
  }
  if (!isObject(root)) throw bad('not a JSON object');
  return root;
}

function parsePlugin(plugin: unknown, where: string): PluginConf {
  const type = isObject(plugin) ? textOf(plugin['type']) : undefined;
  if (!isObject(plugin) || type === undefined) throw bad(`${where} has no "type"`);
  // The type is a file name that is looked up in the plugin folders and run: never a path.
  if (type.includes('/') || type === '.' || type === '..')
    throw bad(`${where}: "type" is not a plugin's name: ${shown(type)}`);
  return { ...plugin, type };
}

function versionOf(root: JsonObject): string {
  const list: readonly unknown[] = Array.isArray(root['cniVersions']) ? root['cniVersions'] : [];
  const offered = [root['cniVersion'], ...list].map(textOf).filter((version) => version !== undefined);
  if (offered.length === 0) return DEFAULT_CNI_VERSION;
  const version = newestKnown(offered);
  if (version === undefined)
    throw bad(`cniVersion ${offered.join(', ')} is not known here: ${CNI_VERSIONS.join(', ')} are`);
  return version;
}

/** libcni takes the word for the boolean too. */
function isSet(value: unknown): boolean {
  return value === true || value === 'true';
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'absent').slice(0, 80);
}

function bad(message: string): EngineError {
  return new EngineError('failed-precondition', message);
}
