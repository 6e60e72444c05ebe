import { constants } from 'node:os';
import { EngineError, messageOf, withContext } from '../../errors.ts';
import { parseExactJson } from '../../exact-json.ts';
import { parseKernelVersion } from './kernel-version.ts';
import type { KernelVersion } from './kernel-version.ts';
import { SECCOMP_ACTIONS, SECCOMP_ARCHITECTURES, SECCOMP_FLAGS, SECCOMP_OPERATORS } from './oci-seccomp.ts';
import type { OciSeccomp, OciSyscallArg, OciSyscallRule } from './oci-seccomp.ts';
import {
  asInteger,
  asList,
  asObject,
  asOneOf,
  asText,
  asWord,
  below,
  optional,
  placeError,
} from '../../json-places.ts';
import type { Place } from '../../json-places.ts';

/** A profile of the node as its file has it: OCI's format, with the conditions that Docker's adds. */
export interface SeccompFile extends Omit<OciSeccomp, 'syscalls'> {
  /** Instead of `architectures`: those of each machine. */
  readonly archMap?: readonly ArchitectureMap[];
  readonly syscalls: readonly ConditionalRule[];
}

export interface ArchitectureMap {
  readonly architecture: string;
  readonly subArchitectures: readonly string[];
}

/** Counts where all that it includes is given and nothing that it excludes. */
export interface ConditionalRule {
  readonly rule: OciSyscallRule;
  readonly includes: RuleCondition;
  readonly excludes: RuleCondition;
}

export interface RuleCondition {
  /** Capabilities, with `CAP_`. */
  readonly caps: readonly string[];
  /** Machines, as Go names them. */
  readonly arches: readonly string[];
  readonly minKernel?: KernelVersion;
}

const PROFILE_KEYS = [
  '$schema',
  'archMap',
  'architectures',
  'comment',
  'defaultAction',
  'defaultErrno',
  'defaultErrnoRet',
  'flags',
  'listenerMetadata',
  'listenerPath',
  'syscalls',
];
const RULE_KEYS = ['names', 'name', 'action', 'errno', 'errnoRet', 'args', 'includes', 'excludes', 'comment'];
const ARG_KEYS = ['index', 'value', 'valueTwo', 'op'];
const CONDITION_KEYS = ['caps', 'arches', 'minKernel'];
/** In errors about unknown keys. */
const WHOLE = 'a seccomp profile';
const NOTIFY = 'SCMP_ACT_NOTIFY';
/** The kernel's largest error number. */
const MAX_ERRNO = 4095;
const MAX_ARG_INDEX = 5;
const CALL_NAME = /^[A-Za-z0-9_]+$/;

/**
 * Reads a profile. `file` is where it came from, for messages. Throws invalid-argument that names the file and the place
 * in it for all that is no profile.
 */
export function parseSeccompProfile(text: string, file: string): SeccompFile {
  try {
    return readProfile(parseJson(text));
  } catch (error) {
    throw withContext(error, file);
  }
}

function parseJson(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch (error) {
    // The place, but not the text: it may be any file of the node.
    const [at = ''] = / at position \d+( \(.*\))?$/.exec(messageOf(error)) ?? [];
    throw new EngineError('invalid-argument', `is not JSON${at}`);
  }
}

function readProfile(value: unknown): SeccompFile {
  const profile = asObject(value, '', PROFILE_KEYS, WHOLE);
  const isMapped = asList(profile['archMap'], 'archMap', readArchitectureMap).length > 0;
  if (isMapped && asList(profile['architectures'], 'architectures', readArchitecture).length > 0)
    throw placeError('archMap', 'stands beside architectures; only one of them may');
  const file: SeccompFile = {
    defaultAction: asOneOf(profile['defaultAction'], 'defaultAction', SECCOMP_ACTIONS),
    ...readErrno(profile, 'defaultErrno', ''),
    ...optional(profile, 'archMap', '', (list, place) => asList(list, place, readArchitectureMap)),
    ...optional(profile, 'architectures', '', (list, place) => asList(list, place, readArchitecture)),
    ...optional(profile, 'flags', '', (list, place) => asList(list, place, readFlag)),
    ...optional(profile, 'listenerPath', '', readListenerPath),
    ...optional(profile, 'listenerMetadata', '', asText),
    syscalls: asList(profile['syscalls'], 'syscalls', readRule),
  };
  const notifies = [file.defaultAction, ...file.syscalls.map(({ rule }) => rule.action)].includes(NOTIFY);
  if (notifies && file.listenerPath === undefined)
    throw placeError('listenerPath', `is missing: ${NOTIFY} needs somebody who listens`);
  return file;
}

function readRule(value: unknown, place: Place): ConditionalRule {
  const from = asObject(value, place, RULE_KEYS, WHOLE);
  const args = asList(from['args'], below(place, 'args'), readArg);
  return {
    rule: {
      names: readNames(from, place),
      action: asOneOf(from['action'], below(place, 'action'), SECCOMP_ACTIONS),
      ...readErrno(from, 'errno', place),
      ...(args.length === 0 ? {} : { args }),
    },
    includes: readCondition(from['includes'], below(place, 'includes')),
    excludes: readCondition(from['excludes'], below(place, 'excludes')),
  };
}

/** `name` is the older form of a list with one entry. */
function readNames(from: Readonly<Record<string, unknown>>, place: Place): readonly string[] {
  const names = asList(from['names'], below(place, 'names'), readName);
  const older = from['name'] === undefined || from['name'] === '' ? [] : [readName(from['name'], below(place, 'name'))];
  if (names.length > 0 && older.length > 0) throw placeError(below(place, 'name'), 'stands beside names');
  if (names.length + older.length === 0) throw placeError(below(place, 'names'), 'names no system call');
  return [...names, ...older];
}

function readName(value: unknown, place: Place): string {
  const name = asText(value, place);
  if (!CALL_NAME.test(name)) throw placeError(place, `${JSON.stringify(name)} is no name of a system call`);
  return name;
}

function readArg(value: unknown, place: Place): OciSyscallArg {
  const from = asObject(value, place, ARG_KEYS, WHOLE);
  return {
    index: asInteger(from['index'], below(place, 'index'), MAX_ARG_INDEX),
    value: asWord(from['value'], below(place, 'value')),
    ...optional(from, 'valueTwo', place, asWord),
    op: asOneOf(from['op'], below(place, 'op'), SECCOMP_OPERATORS),
  };
}

/** An error by number in `errnoRet`; where only `errno` stands, by name. */
function readErrno<const Key extends 'errno' | 'defaultErrno'>(
  from: Readonly<Record<string, unknown>>,
  key: Key,
  place: Place,
): Partial<Readonly<Record<`${Key}Ret`, number>>> {
  const byNumber = optional(from, `${key}Ret`, place, (value, at) => asInteger(value, at, MAX_ERRNO));
  if (Object.keys(byNumber).length > 0 || from[key] === undefined || from[key] === '') return byNumber;
  const name = asText(from[key], below(place, key));
  const errno = Object.entries(constants.errno).find(([known]) => known === name)?.[1];
  if (errno === undefined) throw placeError(below(place, key), `${JSON.stringify(name)} is no error of the kernel`);
  return { [`${key}Ret`]: errno } as Readonly<Record<`${Key}Ret`, number>>;
}

function readCondition(value: unknown, place: Place): RuleCondition {
  if (value === undefined || value === null) return { caps: [], arches: [] };
  const from = asObject(value, place, CONDITION_KEYS, WHOLE);
  return {
    caps: asList(from['caps'], below(place, 'caps'), asText),
    arches: asList(from['arches'], below(place, 'arches'), asText),
    ...optional(from, 'minKernel', place, readKernel),
  };
}

function readKernel(value: unknown, place: Place): KernelVersion {
  const version = parseKernelVersion(asText(value, place));
  if (version === undefined) throw placeError(place, `${JSON.stringify(value)} is no version of a kernel`);
  return version;
}

function readArchitectureMap(value: unknown, place: Place): ArchitectureMap {
  const from = asObject(value, place, ['architecture', 'subArchitectures'], WHOLE);
  return {
    architecture: readArchitecture(from['architecture'], below(place, 'architecture')),
    subArchitectures: asList(from['subArchitectures'], below(place, 'subArchitectures'), readArchitecture),
  };
}

function readArchitecture(value: unknown, place: Place): string {
  return asOneOf(value, place, SECCOMP_ARCHITECTURES);
}

function readFlag(value: unknown, place: Place): string {
  return asOneOf(value, place, SECCOMP_FLAGS);
}

function readListenerPath(value: unknown, place: Place): string {
  const path = asText(value, place);
  if (!path.startsWith('/')) throw placeError(place, `${JSON.stringify(path)} is not an absolute path`);
  return path;
}
