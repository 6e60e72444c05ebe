import { assemble } from './assemble.ts';
import { SCHEMA, type Config } from './schema.ts';

/** The configuration without any file or flag. */
export function defaultConfig(): Config {
  return assemble(SCHEMA, []).value as Config;
}
