import type { Image, ImageConfig, StringMap } from '../types/index.ts';
import { asArray, asObject, asString, field, parseJsonObject, refuse } from './json.ts';
import type { JsonObject } from './json.ts';
import { isDigest } from './reference.ts';

/** What davit takes from an image's config. All of it was written by whoever made the image. */
export interface ParsedConfig {
  readonly config: ImageConfig;
  /** Digests of the unpacked layers, bottom first. */
  readonly diffIds: readonly string[];
}

/** Bytes of one argument or variable: the kernel's own limit (MAX_ARG_STRLEN). */
const MAX_STRING = 128 * 1024;
/** Entries of a list or a map. */
const MAX_ENTRIES = 10_000;
/** Bytes of a path (PATH_MAX). */
const MAX_PATH = 4096;
/** Bytes of USER: two names of the longest kind that Linux knows, and some. */
const MAX_USER = 1024;
const STOP_SIGNAL = /^[A-Za-z0-9+-]{0,32}$/;
/** (uid_t)-1 means "leave it" to the kernel: never somebody's id. */
const MAX_UID = 0xffff_ffff - 1;

/** Parses and checks a config. Throws failed-precondition that names the image (`what`) and the field. */
export function parseImageConfig(bytes: Uint8Array, what: string): ParsedConfig {
  const document = parseJsonObject(bytes, what);
  const os = optional(document, 'os', what);
  if (os !== '' && os !== 'linux') throw refuse(what, `is made for ${JSON.stringify(os.slice(0, 40))}, not for linux`);
  const rootfs = asObject(field(document, 'rootfs'), `${what}: rootfs`);
  const diffIds = strings(rootfs, 'diff_ids', `${what}: rootfs`);
  for (const diffId of diffIds) {
    if (!isDigest(diffId)) throw refuse(`${what}: rootfs.diff_ids`, 'holds something that is no sha256 digest');
  }
  const given = field(document, 'config');
  return {
    config: readConfig(given === undefined || given === null ? {} : asObject(given, `${what}: config`), what),
    diffIds,
  };
}

/** Image.user: the part of USER before the colon, as a number only where it is one that a user can have. */
export function imageUser(user: string): Image['user'] {
  const name = user.split(':', 1)[0] ?? '';
  if (name === '') return {};
  if (/^[0-9]{1,10}$/.test(name) && Number(name) <= MAX_UID) return { uid: Number(name) };
  return { username: name };
}

function readConfig(config: JsonObject, image: string): ImageConfig {
  const what = `${image}: config`;
  const stopSignal = optional(config, 'StopSignal', what);
  if (!STOP_SIGNAL.test(stopSignal)) throw refuse(`${what}.StopSignal`, 'is no signal');
  return {
    entrypoint: strings(config, 'Entrypoint', what),
    cmd: strings(config, 'Cmd', what),
    env: strings(config, 'Env', what),
    workingDir: limited(optional(config, 'WorkingDir', what), MAX_PATH, `${what}.WorkingDir`),
    user: limited(optional(config, 'User', what), MAX_USER, `${what}.User`),
    stopSignal,
    volumes: volumes(config, what),
    labels: labels(config, what),
    ...(field(config, 'ArgsEscaped') === true ? { argsEscaped: true } : {}),
  };
}

function optional(object: JsonObject, key: string, what: string): string {
  const value = field(object, key);
  return value === undefined || value === null
    ? ''
    : limited(asString(value, `${what}.${key}`), MAX_STRING, `${what}.${key}`);
}

function strings(object: JsonObject, key: string, what: string): readonly string[] {
  const value = field(object, key);
  if (value === undefined || value === null) return [];
  const name = `${what}.${key}`;
  return entries(asArray(value, name), name).map((item) => limited(asString(item, name), MAX_STRING, name));
}

function volumes(config: JsonObject, what: string): readonly string[] {
  const value = field(config, 'Volumes');
  if (value === undefined || value === null) return [];
  const name = `${what}.Volumes`;
  return entries(Object.keys(asObject(value, name)), name).map((path) => limited(path, MAX_PATH, name));
}

function labels(config: JsonObject, what: string): StringMap {
  const value = field(config, 'Labels');
  if (value === undefined || value === null) return {};
  const name = `${what}.Labels`;
  const pairs = entries(Object.entries(asObject(value, name)), name);
  return Object.fromEntries(
    pairs.map(([key, text]) => [limited(key, MAX_STRING, name), limited(asString(text, name), MAX_STRING, name)]),
  );
}

function entries<T>(list: readonly T[], what: string): readonly T[] {
  if (list.length > MAX_ENTRIES) throw refuse(what, `has more than ${MAX_ENTRIES} entries`);
  return list;
}

/** A NUL byte would end the string early in whatever C reads it. */
function limited(text: string, max: number, what: string): string {
  if (Buffer.byteLength(text) > max) throw refuse(what, `is longer than ${max} bytes`);
  if (text.includes('\0')) throw refuse(what, 'holds a NUL byte');
  return text;
}
