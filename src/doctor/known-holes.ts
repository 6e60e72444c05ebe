import { hasFix } from './release.ts';
import type { Release } from './release.ts';

/** A published hole in a program that davit runs pods with. */
export interface Hole {
  readonly cve: string;
  readonly what: string;
  /** The first release of each line that is without it. */
  readonly fixed: readonly Release[];
}

export const RUNC_HOLES: readonly Hole[] = [
  { cve: 'CVE-2023-28642', what: 'profiles can be bypassed by links in /proc', fixed: [[1, 1, 5]] },
  { cve: 'CVE-2024-21626', what: 'a working directory can lead out of the container', fixed: [[1, 1, 12]] },
  {
    cve: 'CVE-2024-45310',
    what: 'empty files can be made on the host',
    fixed: [
      [1, 1, 14],
      [1, 2, 0],
    ],
  },
  ...['CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881'].map((cve): Hole => ({
    cve,
    what: 'mounts over /proc and /dev/console can lead out of the container',
    fixed: [
      [1, 2, 8],
      [1, 3, 3],
      [1, 4, 0],
    ],
  })),
  {
    cve: 'CVE-2026-41579',
    what: 'an image whose /dev is a link can write on the host',
    fixed: [
      [1, 3, 6],
      [1, 4, 3],
      [1, 5, 0],
    ],
  },
];

/**
 * containerd's, as far as a CRI server beside it is touched. Holes of containerd's own CRI plugin are not davit's: the
 * plugin has no part in it.
 */
export const CONTAINERD_HOLES: readonly Hole[] = [
  {
    cve: 'CVE-2024-25621',
    what: "folders of containerd's are open to every user of the node",
    fixed: [
      [1, 7, 29],
      [2, 0, 7],
      [2, 1, 5],
      [2, 2, 0],
    ],
  },
];

/** The holes that a release has by its number alone: a distribution may have closed them and kept the number. */
export function holesOf(release: Release, holes: readonly Hole[]): readonly Hole[] {
  return holes.filter(({ fixed }) => !hasFix(release, fixed));
}
