import { invalidField } from '../../engine/index.ts';
import { checkAbsolutePath, checkPath, climbs, quote } from './checks.ts';

/** The sandbox's log directory; undefined: none. */
export function toLogDirectory(field: string, path: string): string | undefined {
  if (path === '') return undefined;
  if (climbs(path)) throw invalidField(field, `must not have .. in it, got ${quote(path)}`);
  return checkAbsolutePath(field, path);
}

/** A container's log file below that directory, which it must not leave; undefined: none. */
export function toLogPath(field: string, path: string): string | undefined {
  if (path === '') return undefined;
  if (path.startsWith('/')) throw invalidField(field, `must be relative to the log directory, got ${quote(path)}`);
  if (climbs(path)) throw invalidField(field, `must stay in the log directory, got ${quote(path)}`);
  // "x/", "." and the like name a directory, not a file.
  const last = path.slice(path.lastIndexOf('/') + 1);
  if (last === '' || last === '.') throw invalidField(field, `must name a file, got ${quote(path)}`);
  return checkPath(field, path);
}
