import type { Config, WholeProblem } from './schema.ts';

/** Who knows what is in files that keys name; each throws an error that says what is wrong with one. */
export interface NamedFileChecks {
  readonly seccompProfile: (path: string) => void;
  readonly baseSpec: (path: string) => void;
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

function namedFiles({ containers, handlers }: Config): readonly NamedFile[] {
  const profiles: readonly (readonly [key: readonly string[], path: string | undefined])[] = [
    [['containers', 'privileged_seccomp_profile'], containers.privilegedSeccompProfile],
    ...Object.entries(handlers).map(
      ([name, { seccompProfile }]) => [['handlers', name, 'seccomp_profile'], seccompProfile] as const,
    ),
  ];
  const bases = Object.entries(handlers).flatMap(([name, { baseRuntimeSpec: path }]): readonly NamedFile[] =>
    path === undefined ? [] : [{ key: ['handlers', name, 'base_runtime_spec'], path, kind: 'baseSpec' }],
  );
  // The other values of a profile are words.
  return profiles
    .flatMap(([key, path]): readonly NamedFile[] =>
      path?.startsWith('/') ? [{ key, path, kind: 'seccompProfile' }] : [],
    )
    .concat(bases);
}

function problemOf(path: string, check: (path: string) => void): string | undefined {
  try {
    check(path);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
