import { readRegularFile, readRegularFileSync } from '../../../sys/regular-file.ts';
import { EngineError, messageOf } from '../../errors.ts';
import { parseBlockioClasses } from './classes.ts';
import type { BlockioClasses } from './classes.ts';

/** A hundred times what a file of a dozen classes has. */
const MAX_BYTES = 1024 * 1024;

/** The classes of a file. Throws failed-precondition that names it for one that cannot be used. */
export async function readBlockioFile(path: string): Promise<BlockioClasses> {
  let text: string;
  try {
    text = await readRegularFile(path, MAX_BYTES);
  } catch (error) {
    throw new EngineError('failed-precondition', messageOf(error), { cause: error });
  }
  return parseBlockioClasses(text, path);
}

/** Throws an error that says what is wrong with the classes in a file that the configuration names. */
export function checkBlockioFile(path: string): void {
  parseBlockioClasses(readRegularFileSync(path, MAX_BYTES), path);
}
