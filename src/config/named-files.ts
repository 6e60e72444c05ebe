import type { Config, WholeProblem } from './schema.ts';

/** Who knows what is in files that keys name; each throws an error that says what is wrong with one. */
export interface NamedFileChecks {
  readonly seccompProfile: (path: string) => void;
  readonly baseSpec: (path: string) => void;
  readonly blockioClasses: (path: string) => void;
}

/** The files that the configuration names and that cannot be used, each at its key. */
export function checkNamedFiles(config: Config, checks: NamedFileChecks): readonly WholeProblem[] {
  return namedFiles(config).flatMap(({ key, path, kind }) => {
    const message = problemOf(path, checks[kind]);
    return message === undefined ? [] : [{ key, message }];
  });
}

interface NamedFile {
  readonly key: readonly string[];
  readonly path: string;
  readonly kind: keyof NamedFileChecks;
}

function namedFiles({ classes, containers, handlers }: Config): readonly NamedFile[] {
  return [
    ...profile(['containers', 'privileged_seccomp_profile'], containers.privilegedSeccompProfile),
    ...file(['classes', 'blockio_file'], classes.blockioFile, 'blockioClasses'),
    ...Object.entries(handlers).flatMap(([name, { seccompProfile, baseRuntimeSpec }]) => [
      ...profile(['handlers', name, 'seccomp_profile'], seccompProfile),
      ...file(['handlers', name, 'base_runtime_spec'], baseRuntimeSpec, 'baseSpec'),
    ]),
  ];
}

/** The other values of such a key are words. */
function profile(key: readonly string[], path: string | undefined): readonly NamedFile[] {
  return path?.startsWith('/') === true ? [{ key, path, kind: 'seccompProfile' }] : [];
}

function file(key: readonly string[], path: string | undefined, kind: NamedFile['kind']): readonly NamedFile[] {
  return path === undefined ? [] : [{ key, path, kind }];
}

function problemOf(path: string, check: (path: string) => void): string | undefined {
  try {
    check(path);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
