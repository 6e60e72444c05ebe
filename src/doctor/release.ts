/** Major, minor, patch; a release candidate counts as the patch before it. */
export type Release = readonly [major: number, minor: number, patch: number];

/** From `1.7.24`, `v2.4.2`, `1.1.5+ds1`, `1.4.0-rc.2`; undefined when it is none. */
export function parseRelease(text: string): Release | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?(-(?:rc|beta|alpha))?/.exec(text);
  if (match === null) return undefined;
  const patch = Number(match[3] ?? 0);
  return [Number(match[1]), Number(match[2]), match[4] === undefined ? patch : patch - 1];
}

/** Whether `release` is `other` or newer. */
export function isAtLeast(release: Release, other: Release): boolean {
  for (const index of [0, 1, 2] as const) {
    if (release[index] !== other[index]) return release[index] > other[index];
  }
  return true;
}

/**
 * Whether a fix that came with `fixes`, the first release of each line that has it, is in `release`: a line that is newer
 * than all of them has it too, one that is older or in between and not named never got it.
 */
export function hasFix(release: Release, fixes: readonly Release[]): boolean {
  const own = fixes.find(([major, minor]) => major === release[0] && minor === release[1]);
  if (own !== undefined) return isAtLeast(release, own);
  return fixes.every((fix) => isAtLeast(release, fix));
}
