/** Categories that the common policies have. */
const CATEGORIES = 1024;
/** With half a million pairs, more misses in a row mean that the random numbers are none. */
const MAX_TRIES = 1000;

/**
 * A level that no pod in `used` has: two categories, so that none of the pods may touch the files of another. `random`
 * gives whole numbers from 0 up to, but without, its argument. Pure but for it.
 */
export function pickLevel(used: ReadonlySet<string>, random: (below: number) => number): string {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const [a, b] = [random(CATEGORIES), random(CATEGORIES)].sort((x, y) => x - y);
    const level = `s0:c${a},c${b}`;
    if (a !== b && !used.has(level)) return level;
  }
  throw new Error('no SELinux level is free for another pod');
}
