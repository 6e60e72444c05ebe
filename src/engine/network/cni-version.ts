/** Versions of the CNI specification that are spoken here, oldest first. */
export const CNI_VERSIONS: readonly string[] = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

/** What a configuration without a version means, by the specification. */
export const DEFAULT_CNI_VERSION = '0.1.0';

/** Whether `version`, one of the known ones, has what came with `since`. */
export function isAtLeast(version: string, since: string): boolean {
  return CNI_VERSIONS.indexOf(version) >= CNI_VERSIONS.indexOf(since);
}

/** The newest known version of those offered. */
export function newestKnown(offered: readonly string[]): string | undefined {
  return CNI_VERSIONS.findLast((version) => offered.includes(version));
}
