import type { Pressure, PressureTimes } from './stats-types.ts';

/** Texts of cgroup files by their names; undefined: the kernel has no such file. */
export type CgroupFiles = Readonly<Record<string, string | undefined>>;

const NANOS_PER_USEC = 1000;
const PRESSURE_LINE = /^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)$/gm;

/** Lines of `key number`; other lines are skipped. */
export function keyedNumbers(text: string | undefined): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const line of (text ?? '').split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) found.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return found;
}

/** The one number of a file; undefined for `max`, for what is no number, and without the file. */
export function oneNumber(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  return /^\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

/** undefined where the kernel keeps no account of pressure. */
export function parsePressure(text: string | undefined): Pressure | undefined {
  let some: PressureTimes | undefined;
  let full: PressureTimes | undefined;
  for (const [, kind, avg10, avg60, avg300, total] of (text ?? '').matchAll(PRESSURE_LINE)) {
    const times = {
      totalNanos: Number(total) * NANOS_PER_USEC,
      avg10: Number(avg10),
      avg60: Number(avg60),
      avg300: Number(avg300),
    };
    if (kind === 'some') some = times;
    else full = times;
  }
  if (some === undefined) return undefined;
  return full === undefined ? { some } : { some, full };
}

/** `{ [key]: value }`, or nothing for undefined. */
export function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}
