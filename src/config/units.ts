/**
 * Durations and sizes as people write them: numbers with units. A bare number is refused, because nobody can tell
 * whether it means seconds or milliseconds.
 */

const DURATION_UNITS = new Map([
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
]);

const SIZE_UNITS = new Map([
  ['TiB', 1024 ** 4],
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
  ['TB', 1000 ** 4],
  ['GB', 1000 ** 3],
  ['MB', 1000 ** 2],
  ['KB', 1000],
  ['B', 1],
]);

/** The milliseconds of `10s`, `1m30s`, `1.5h`, `250ms`; undefined when the text is none of these. */
export function parseDuration(text: string): number | undefined {
  const part = /(\d+(?:\.\d+)?)(ms|h|m|s)/y;
  let sum = 0;
  let smallest = Infinity;
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    const size = DURATION_UNITS.get(match?.[2] ?? '');
    // Units must fall: "30s1m" is a slip of the hand, not a duration.
    if (match === null || size === undefined || size >= smallest) return undefined;
    smallest = size;
    sum += Number(match[1]) * size;
  }
  const whole = Math.round(sum);
  // Decimals are welcome as long as they mean whole milliseconds.
  return smallest === Infinity || Math.abs(sum - whole) > 1e-6 || !Number.isSafeInteger(whole) ? undefined : whole;
}

/** The shortest text that parseDuration() reads as `ms`. */
export function formatDuration(ms: number): string {
  let rest = ms;
  let text = '';
  for (const [unit, size] of DURATION_UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === '' ? '0s' : text;
}

/** The bytes of `16KiB`, `1.5MiB`, `10MB`, `512B`; undefined when the text is none of these. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?i?B)$/.exec(text);
  const unit = SIZE_UNITS.get(match?.[2] ?? '');
  if (match === null || unit === undefined) return undefined;
  const bytes = Number(match[1]) * unit;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The text with the largest binary unit that divides `bytes`. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return '0B';
  for (const [unit, size] of SIZE_UNITS) {
    if ((unit.endsWith('iB') || unit === 'B') && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}
