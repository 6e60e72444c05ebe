/** With the half a million pairs of 1024 categories, more misses in a row mean that the random numbers are none. */
const MAX_TRIES = 1000;

/**
 * A level that no pod in `used` has: two of the `categories` (c0 and up), so that none of the pods may touch the files of another. `random`
 * gives whole numbers from 0 up to, but without, its argument. Pure but for it.
 */
export function pickLevel(used: ReadonlySet<string>, categories: number, random: (below: number) => number): string {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const [a, b] = [random(categories), random(categories)].sort((x, y) => x - y);
    const level = `s0:c${a},c${b}`;
    if (a !== b && !used.has(level)) return level;
  }
  throw new Error(`no SELinux level of ${categories} categories is free for another pod`);
}
