import { posix } from 'node:path';
import { asText, placeError } from '../../json-places.ts';
import type { Place } from '../../json-places.ts';

/** A place in the container, other than its root. */
export function readDestination(value: unknown, place: Place): string {
  const path = asText(value, place);
  const clean = posix.normalize(path).replace(/(?<=.)\/$/, '');
  if (!path.startsWith('/') || clean === '/')
    throw placeError(place, `${JSON.stringify(path)} is no place below the root`);
  return clean;
}
