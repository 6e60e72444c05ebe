import { readRegularFile, readRegularFileSync } from '../../../sys/regular-file.ts';
import { EngineError, messageOf } from '../../errors.ts';
import { parseSeccompProfile } from './parse-profile.ts';

/** Ten times the largest profile that anybody is known to have. */
export const MAX_PROFILE_BYTES = 1024 * 1024;

/**
 * The text of a profile. Throws invalid-argument naming the file for one that is missing, too large or no regular file;
 * a pipe or a device is never waited for.
 */
export async function readProfileFile(path: string, maxBytes: number = MAX_PROFILE_BYTES): Promise<string> {
  try {
    return await readRegularFile(path, maxBytes);
  } catch (error) {
    throw new EngineError('invalid-argument', messageOf(error), { cause: error });
  }
}

/** Throws an error that says what is wrong with the profile in a file that the configuration names. */
export function checkProfileFile(path: string): void {
  parseSeccompProfile(readRegularFileSync(path, MAX_PROFILE_BYTES), path);
}
