/** `name` is the program's own, e.g. `runc` or `crun`; `version` as it writes it. */
export interface RuntimeVersion {
  readonly name: string;
  readonly version: string;
}

/** From what `features` prints. A bit is false until it is known to be true. */
export interface RuntimeFeatures {
  readonly recursiveReadOnlyMounts: boolean;
  /** User namespaces with mounts that carry a mapping of their own. */
  readonly idmappedMounts: boolean;
  readonly seccomp: boolean;
  readonly mountOptions: readonly string[];
}

/** The first releases of each line of runc without its known ways out of a container. */
const SAFE_RUNC: readonly (readonly [major: number, minor: number, patch: number])[] = [
  [1, 3, 6],
  [1, 4, 3],
  [1, 5, 0],
];

/** `runc version 1.1.5+ds1`, `crun version 1.8.1`; unknown words stay empty. */
export function parseRuntimeVersion(text: string): RuntimeVersion {
  const match = /^(\S+) version (\S+)/m.exec(text);
  return { name: match?.[1] ?? '', version: match?.[2] ?? '' };
}

/** Throws a SyntaxError when it is not JSON. */
export function parseRuntimeFeatures(json: string): RuntimeFeatures {
  const features: unknown = JSON.parse(json);
  const mountOptions = at(features, 'mountOptions');
  const options = Array.isArray(mountOptions) ? mountOptions.filter((option) => typeof option === 'string') : [];
  return {
    recursiveReadOnlyMounts: options.includes('rro'),
    idmappedMounts: at(features, 'linux', 'mountExtensions', 'idmap', 'enabled') === true,
    seccomp: at(features, 'linux', 'seccomp', 'enabled') === true,
    mountOptions: options,
  };
}

/** A sentence for the operator when this runc is older than it should be. */
export function runcWarning(binary: string, { name, version }: RuntimeVersion): string | undefined {
  if (name !== 'runc' || isSafeRunc(version)) return undefined;
  const safe = SAFE_RUNC.map((release) => release.join('.')).join(', ');
  return (
    `runc ${version} (${binary}) has known ways out of a container, unless its distribution has closed them; ` +
    `install ${safe} or newer`
  );
}

function isSafeRunc(version: string): boolean {
  const match = /^(\d+)\.(\d+)\.(\d+)(-rc)?/.exec(version);
  if (match === null) return false;
  const [major, minor, patch] = [Number(match[1]), Number(match[2]), Number(match[3])];
  // A release candidate comes before its release.
  const effectivePatch = match[4] === undefined ? patch : patch - 1;
  const line = SAFE_RUNC.find(([safeMajor, safeMinor]) => safeMajor === major && safeMinor === minor);
  if (line !== undefined) return effectivePatch >= line[2];
  const [newestMajor, newestMinor] = SAFE_RUNC.at(-1) ?? [0, 0];
  return major > newestMajor || (major === newestMajor && minor > newestMinor);
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = Object.getOwnPropertyDescriptor(current, key)?.value;
  }
  return current;
}
