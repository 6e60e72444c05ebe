import { messageOf, EngineError, withContext } from '../../errors.ts';
import { parseExactJson } from '../../exact-json.ts';
import { asInteger, asList, asObject, asOneOf, below, optional, placeError } from '../../json-places.ts';
import type { JsonObject, Place } from '../../json-places.ts';
import type { StringMap } from '../../types/index.ts';
import type { OciDevice } from '../spec/oci.ts';
import type { BaseSpec } from './base-spec.ts';
import { readHooks } from './parse-hooks.ts';
import { readEnv, readMount, readRlimit } from './parse-process-parts.ts';
import { readDestination } from './read-destination.ts';

/** A spec as it was read, and what of it counts for nothing. */
export interface ParsedBaseSpec {
  readonly spec: BaseSpec;
  /** Places in the file that davit sets itself for every container. */
  readonly passedOver: readonly Place[];
}

/** In errors about unknown keys. */
const WHOLE = 'an OCI spec that davit takes';
const MAX_UMASK = 0o777;
const MAX_DEVICE_NUMBER = 2 ** 32 - 1;
const MAX_ID = 2 ** 32 - 2;
const MAX_MODE = 0o7777;

/** Keys of one object of the specification: taken, davit's own, and those whose place is elsewhere. */
interface Keys {
  readonly taken: readonly string[];
  /** Every container has a value of davit's; a file may have one, as those that tools write do. */
  readonly own?: readonly string[];
  /** By what to do instead. */
  readonly elsewhere?: StringMap;
}

const TOP: Keys = {
  taken: ['process', 'mounts', 'hooks', 'annotations', 'linux'],
  own: ['ociVersion', 'root', 'hostname', 'domainname'],
  elsewhere: {
    windows: 'is not taken: it is for handlers of Linux',
    solaris: 'is not taken: it is for handlers of Linux',
    zos: 'is not taken: it is for handlers of Linux',
    vm: "is not taken: a virtual machine's shim has a configuration of its own (options.ConfigPath)",
  },
};
const PROCESS: Keys = {
  taken: ['env', 'rlimits', 'user', 'ioPriority', 'scheduler'],
  own: [
    'args',
    'cwd',
    'terminal',
    'consoleSize',
    'capabilities',
    'noNewPrivileges',
    'oomScoreAdj',
    'apparmorProfile',
    'selinuxLabel',
  ],
  elsewhere: { execCPUAffinity: "is not taken: the handler's exec_cpu_affinity says it" },
};
const USER: Keys = { taken: ['umask'], own: ['uid', 'gid', 'additionalGids', 'username'] };
const LINUX: Keys = {
  taken: ['devices', 'resources', 'rootfsPropagation', 'personality', 'intelRdt', 'timeOffsets', 'memoryPolicy'],
  own: ['namespaces', 'cgroupsPath', 'uidMappings', 'gidMappings', 'maskedPaths', 'readonlyPaths', 'mountLabel'],
  elsewhere: {
    sysctl: 'is not taken: they belong to pods (pods.sysctls)',
    seccomp: "is not taken: the handler's seccomp_profile says it",
  },
};
const LIMIT = 'is not taken: the request says it';
const RESOURCES: Keys = {
  taken: ['pids', 'rdma', 'network', 'blockIO', 'unified'],
  own: ['devices'],
  elsewhere: { cpu: LIMIT, memory: LIMIT, hugepageLimits: LIMIT },
};
const DEVICE: Keys = { taken: ['path', 'type', 'major', 'minor', 'fileMode', 'uid', 'gid'] };
/** Of the kernel, as the specification names them. */
const PROPAGATIONS = ['private', 'slave', 'shared', 'rprivate', 'rslave', 'rshared'] as const;

/**
 * Reads the JSON of a base spec. `file` is where it came from, for messages. Throws invalid-argument that names the file
 * and the place in it for all that is none, and for what the configuration has a key for.
 */
export function parseBaseSpec(text: string, file: string): ParsedBaseSpec {
  try {
    const passedOver: Place[] = [];
    return { spec: readSpec(parseJson(text), passedOver), passedOver };
  } catch (error) {
    throw withContext(error, file);
  }
}

function parseJson(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch (error) {
    throw new EngineError('invalid-argument', `is not JSON: ${messageOf(error)}`);
  }
}

function readSpec(value: unknown, passedOver: Place[]): BaseSpec {
  const part = (from: unknown, place: Place, keys: Keys): JsonObject => readPart(from, place, keys, passedOver);
  const top = part(value, '', TOP);
  const process = part(top['process'] ?? {}, 'process', PROCESS);
  const user = part(process['user'] ?? {}, 'process.user', USER);
  const linux = part(top['linux'] ?? {}, 'linux', LINUX);
  const resources = part(linux['resources'] ?? {}, 'linux.resources', RESOURCES);
  return {
    env: asList(process['env'], 'process.env', readEnv),
    rlimits: asList(process['rlimits'], 'process.rlimits', readRlimit),
    ...optional(user, 'umask', 'process.user', (umask, place) => asInteger(umask, place, MAX_UMASK)),
    mounts: asList(top['mounts'], 'mounts', readMount),
    ...optional(top, 'hooks', '', readHooks),
    annotations: readTexts(top['annotations'], 'annotations'),
    devices: asList(linux['devices'], 'linux.devices', readDevice),
    ...optional(linux, 'rootfsPropagation', 'linux', (mode, place) => asOneOf(mode, place, PROPAGATIONS)),
    unified: readTexts(resources['unified'], 'linux.resources.unified'),
    process: raw(process, 'process', ['ioPriority', 'scheduler']),
    linux: raw(linux, 'linux', ['personality', 'intelRdt', 'timeOffsets', 'memoryPolicy']),
    resources: raw(resources, 'linux.resources', ['pids', 'rdma', 'network', 'blockIO']),
  };
}

function readPart(value: unknown, place: Place, { taken, own = [], elsewhere = {} }: Keys, passedOver: Place[]) {
  const object = asObject(value, place, [...taken, ...own, ...Object.keys(elsewhere)], WHOLE);
  for (const key of Object.keys(object)) {
    if (own.includes(key)) passedOver.push(below(place, key));
    const instead = Object.hasOwn(elsewhere, key) ? elsewhere[key] : undefined;
    if (instead !== undefined) throw placeError(below(place, key), instead);
  }
  return object;
}

function raw(from: JsonObject, place: Place, keys: readonly string[]): object {
  const given = keys.filter((key) => from[key] !== undefined && from[key] !== null);
  for (const key of given) {
    if (typeof from[key] !== 'object' || Array.isArray(from[key])) throw placeError(below(place, key), 'is no object');
  }
  return Object.fromEntries(given.map((key) => [key, from[key]]));
}

function readTexts(value: unknown, place: Place): StringMap {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw placeError(place, 'is no object');
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => {
      if (typeof item !== 'string') throw placeError(`${place}[${JSON.stringify(key)}]`, 'is no text');
      return [key, item];
    }),
  );
}

function readDevice(value: unknown, place: Place): OciDevice {
  const from = asObject(value, place, DEVICE.taken, WHOLE);
  const number = (key: string, max: number, absent?: number): number =>
    from[key] === undefined && absent !== undefined ? absent : asInteger(from[key], below(place, key), max);
  return {
    path: readDestination(from['path'], below(place, 'path')),
    type: asOneOf(from['type'], below(place, 'type'), ['c', 'b']),
    major: number('major', MAX_DEVICE_NUMBER),
    minor: number('minor', MAX_DEVICE_NUMBER),
    fileMode: number('fileMode', MAX_MODE, 0o666),
    uid: number('uid', MAX_ID, 0),
    gid: number('gid', MAX_ID, 0),
  };
}
