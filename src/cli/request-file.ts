import { readFileSync } from 'node:fs';
import Long from 'long';
import { ContainerConfig, PodSandboxConfig, type $MessageType } from '../cri/generated/cri.js';
import { REQUEST_ENUMS } from './enums.ts';
import { UsageError } from './errors.ts';

const STDIN_FD = 0;

/** Fields whose keys are the user's own words and stay as they are. */
export const MAP_FIELDS: ReadonlySet<string> = new Set(['labels', 'annotations', 'sysctls', 'unified']);

/** The one field whose messages hold bytes, `value`: an environment need not be text, but a JSON file is. */
export const ENVIRONMENT = 'envs';

type Json = Readonly<Record<string, unknown>>;

/** The pod of a JSON file, with the names of the interface definition (snake_case or camelCase); `-` is standard input. */
export function readPodConfig(file: string): PodSandboxConfig {
  return decodeJson(PodSandboxConfig, readJson(file), file);
}

/** As readPodConfig(), a container. */
export function readContainerConfig(file: string): ContainerConfig {
  return decodeJson(ContainerConfig, readJson(file), file);
}

/**
 * The message that `json` describes. The generated code has no checks, so the message goes to bytes and back: a field
 * that does not arrive as it was written is unknown, or of the wrong type, and is refused by its path.
 */
export function decodeJson<I, M extends object>(type: $MessageType<I, M>, json: Json, file: string): M {
  const wanted = renamed(json);
  let message: M;
  try {
    message = type.decode(type.encode(wanted as I).finish());
  } catch (error) {
    throw new UsageError(`${file}: a value has the wrong type (${error instanceof Error ? error.message : 'unknown'})`);
  }
  compare(wanted, message, '', file);
  return message;
}

function readJson(file: string): Json {
  let text: string;
  try {
    text = readFileSync(file === '-' ? STDIN_FD : file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    const json: unknown = JSON.parse(text);
    if (isObject(json)) return json;
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new UsageError(`${file} must hold an object`);
}

/** Names in camel case, enums as numbers, the text of environment variables as bytes, null as absent. */
function renamed(json: Json, parent = ''): Json {
  const fields = Object.entries(json).flatMap(([key, value]): readonly [string, unknown][] => {
    const name = key.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    if (value === null) return [];
    if (parent === ENVIRONMENT && name === 'value' && typeof value === 'string') return [[name, Buffer.from(value)]];
    return [[name, MAP_FIELDS.has(name) ? value : converted(name, value)]];
  });
  return Object.fromEntries(fields);
}

function converted(name: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => converted(name, item));
  if (isObject(value)) return renamed(value, name);
  const named = typeof value === 'string' ? REQUEST_ENUMS.get(name)?.[value] : undefined;
  return named ?? value;
}

function compare(wanted: unknown, got: unknown, path: string, file: string): void {
  if (Array.isArray(wanted) && Array.isArray(got) && wanted.length === got.length) {
    wanted.forEach((item, index) => compare(item, got[index], `${path}[${index}]`, file));
  } else if (Buffer.isBuffer(wanted) && got instanceof Uint8Array) {
    if (!wanted.equals(got)) throw new UsageError(`${file}: ${path}: does not arrive as it is written`);
  } else if (isObject(wanted) && typeof got === 'object' && got !== null && !Array.isArray(got)) {
    for (const [key, value] of Object.entries(wanted)) {
      const here = path === '' ? key : `${path}.${key}`;
      if (!hasField(got, key)) throw new UsageError(`${file}: ${here}: there is no such field`);
      compare(value, Reflect.get(got, key), here, file);
    }
  } else if (!sameScalar(wanted, got)) {
    throw new UsageError(`${file}: ${path}: ${JSON.stringify(wanted)} has the wrong type`);
  }
}

/** A message's prototype holds its fields' defaults; a map has no prototype of its own. */
function hasField(message: object, key: string): boolean {
  return Object.hasOwn(message, key) || (key in message && !(key in Object.prototype));
}

function sameScalar(wanted: unknown, got: unknown): boolean {
  if (!Long.isLong(got)) return typeof wanted !== 'object' && wanted === got;
  return (typeof wanted === 'number' || typeof wanted === 'string') && got.toString() === String(wanted);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
