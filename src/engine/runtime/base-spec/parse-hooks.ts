import { asInteger, asList, asObject, asText, below, optional, placeError } from '../../json-places.ts';
import type { Place } from '../../json-places.ts';
import type { OciHook, OciHooks } from '../spec/oci.ts';
import { readEnv } from './parse-process-parts.ts';

const STAGES = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const;
const HOOK_KEYS = ['path', 'args', 'env', 'timeout'];
/** Seconds. */
const MAX_TIMEOUT = 3_600;

export function readHooks(value: unknown, place: Place): OciHooks {
  const from = asObject(value, place, STAGES, 'hooks');
  return Object.fromEntries(
    STAGES.filter((stage) => from[stage] !== undefined).map((stage) => [
      stage,
      asList(from[stage], below(place, stage), readHook),
    ]),
  );
}

function readHook(value: unknown, place: Place): OciHook {
  const from = asObject(value, place, HOOK_KEYS, 'a hook');
  const path = asText(from['path'], below(place, 'path'));
  if (!path.startsWith('/')) throw placeError(below(place, 'path'), `${JSON.stringify(path)} is not an absolute path`);
  const timeout = optional(from, 'timeout', place, (seconds, at) => asInteger(seconds, at, MAX_TIMEOUT));
  if (timeout.timeout === 0) throw placeError(below(place, 'timeout'), 'must be a second at least');
  return {
    path,
    ...optional(from, 'args', place, (args, at) => asList(args, at, readArg)),
    ...optional(from, 'env', place, (env, at) => asList(env, at, readEnv)),
    ...timeout,
  };
}

/** Unlike other texts an argument may be empty. */
function readArg(value: unknown, place: Place): string {
  return value === '' ? '' : asText(value, place);
}
