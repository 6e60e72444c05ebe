/** Numbers from 0 to below 1 that follow from the seed (mulberry32). */
export type Random = () => number;

const STEP = 0x6d2b79f5;
const RANGE = 2 ** 32;

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + STEP) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / RANGE;
  };
}

/** `count` of the items, each at most once, in a random order. */
export function draw<T>(random: Random, items: readonly T[], count: number): readonly T[] {
  const rest = [...items];
  return Array.from({ length: Math.min(count, rest.length) }, () =>
    rest.splice(Math.floor(random() * rest.length), 1),
  ).flat();
}
