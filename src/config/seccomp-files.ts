import { messageOf } from '../engine/errors.ts';
import { MAX_PROFILE_BYTES, parseSeccompProfile } from '../engine/security/seccomp/index.ts';
import type { Config, WholeProblem } from './schema.ts';

/** The seccomp profiles that the configuration names and that cannot be had, each at its key. */
export function checkSeccompFiles(
  { containers, handlers }: Config,
  readFile: (path: string) => Uint8Array,
): readonly WholeProblem[] {
  const named: readonly (readonly [key: readonly string[], path: string | undefined])[] = [
    [['containers', 'privileged_seccomp_profile'], containers.privilegedSeccompProfile],
    ...Object.entries(handlers).map(
      ([name, { seccompProfile }]) => [['handlers', name, 'seccomp_profile'], seccompProfile] as const,
    ),
  ];
  return named.flatMap(([key, path]) => {
    // The other values are words.
    const message = path?.startsWith('/') === true ? problemOf(path, readFile) : undefined;
    return message === undefined ? [] : [{ key, message }];
  });
}

function problemOf(path: string, readFile: (path: string) => Uint8Array): string | undefined {
  let bytes: Uint8Array;
  try {
    bytes = readFile(path);
  } catch (error) {
    return `${path}: cannot be read: ${messageOf(error)}`;
  }
  if (bytes.byteLength > MAX_PROFILE_BYTES) return `${path}: is larger than ${MAX_PROFILE_BYTES} bytes`;
  try {
    parseSeccompProfile(new TextDecoder().decode(bytes), path);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
