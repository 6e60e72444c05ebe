import { readRegularFileSync } from '../../../sys/regular-file.ts';
import { parseBaseSpec } from './parse-base-spec.ts';
import type { ParsedBaseSpec } from './parse-base-spec.ts';

/** Many times the size of any spec that a person writes. */
const MAX_BYTES = 1024 * 1024;

/** Throws an error that names the file, and the place in it, for one that cannot be read or is no base spec. */
export function readBaseSpec(path: string): ParsedBaseSpec {
  return parseBaseSpec(readRegularFileSync(path, MAX_BYTES), path);
}

export type { BaseSpec } from './base-spec.ts';
export type { ParsedBaseSpec } from './parse-base-spec.ts';
