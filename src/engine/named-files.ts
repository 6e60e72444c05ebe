import { readBaseSpec } from './runtime/base-spec/index.ts';
import { checkBlockioFile } from './runtime/blockio/index.ts';
import { checkProfileFile } from './security/seccomp/index.ts';

/**
 * What is known of the files that a configuration names, by what they are. Each throws an error that says what is wrong
 * with one; none waits for a pipe or a device, or reads more than such a file may have.
 */
export const namedFileChecks = {
  seccompProfile: checkProfileFile,
  baseSpec: (path: string): void => void readBaseSpec(path),
  blockioClasses: checkBlockioFile,
} as const;
