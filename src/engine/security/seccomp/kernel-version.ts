/** As far as system calls depend on it. */
export interface KernelVersion {
  readonly major: number;
  readonly minor: number;
}

/** `6.18.44-amd64` and `4.8` alike; undefined for what does not begin with two numbers. */
export function parseKernelVersion(release: string): KernelVersion | undefined {
  const match = /^(\d+)\.(\d+)(?!\d)/.exec(release);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

/** False where the version is not known: an unknown kernel is taken for an old one. */
export function isAtLeast(version: KernelVersion | undefined, least: KernelVersion): boolean {
  if (version === undefined) return false;
  return version.major > least.major || (version.major === least.major && version.minor >= least.minor);
}
