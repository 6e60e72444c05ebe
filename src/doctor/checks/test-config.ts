import { loadConfig } from '../../config/index.ts';
import type { Config } from '../../config/index.ts';
import type { Found } from '../finding.ts';

const NO_FILES = { readFile: notThere, listDir: notThere };

/** The configuration of these flags, whatever files this machine has. */
export function configOf(...flags: readonly string[]): Config {
  return loadConfig(flags, NO_FILES);
}

/** Level and text of what was found, for what is not fine. */
export function told(found: readonly Found[]): readonly string[] {
  return found.filter(({ level }) => level !== 'ok').map(({ level, found: text }) => `${level}: ${text}`);
}

function notThere(): never {
  throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
}
