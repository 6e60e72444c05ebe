import { asList, asObject, asText, asWord, below, placeError } from '../../json-places.ts';
import type { Place } from '../../json-places.ts';
import type { OciMount, OciRlimit } from '../spec/oci.ts';
import { readDestination } from './read-destination.ts';

const RLIMIT = /^RLIMIT_[A-Z]+$/;
const MOUNT_KEYS = ['destination', 'type', 'source', 'options'];
const RLIMIT_KEYS = ['type', 'soft', 'hard'];

export function readEnv(value: unknown, place: Place): string {
  const entry = asText(value, place);
  if (entry.indexOf('=') < 1) throw placeError(place, `${JSON.stringify(entry)} is no variable with its value`);
  return entry;
}

export function readRlimit(value: unknown, place: Place): OciRlimit {
  const from = asObject(value, place, RLIMIT_KEYS, 'a limit');
  const type = asText(from['type'], below(place, 'type'));
  if (!RLIMIT.test(type))
    throw placeError(below(place, 'type'), `${JSON.stringify(type)} is no limit like RLIMIT_NOFILE`);
  const [soft, hard] = [asWord(from['soft'], below(place, 'soft')), asWord(from['hard'], below(place, 'hard'))];
  if (soft > hard) throw placeError(below(place, 'soft'), 'is above hard');
  return { type, soft, hard };
}

export function readMount(value: unknown, place: Place): OciMount {
  const from = asObject(value, place, MOUNT_KEYS, 'a mount that davit takes');
  const options = asList(from['options'], below(place, 'options'), asText);
  const isBind = options.includes('bind') || options.includes('rbind') || from['type'] === 'bind';
  const source = from['source'] === undefined ? '' : asText(from['source'], below(place, 'source'));
  if (isBind && !source.startsWith('/'))
    throw placeError(below(place, 'source'), `${JSON.stringify(source)} is not an absolute path`);
  const type = isBind && from['type'] === undefined ? 'bind' : asText(from['type'], below(place, 'type'));
  return {
    destination: readDestination(from['destination'], below(place, 'destination')),
    type,
    source: source === '' ? type : source,
    options,
  };
}
