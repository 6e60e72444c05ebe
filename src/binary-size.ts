const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
const STEP = 1024;

/** Bytes in binary units with three digits, as memory is counted: `96.4MiB`. */
export function binarySize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= STEP && unit < UNITS.length - 1) {
    value /= STEP;
    unit += 1;
  }
  return `${unit === 0 ? value : Number(value.toPrecision(value < 1000 ? 3 : 4))}${UNITS[unit]}`;
}
