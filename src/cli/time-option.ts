import { UsageError } from './errors.ts';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const RELATIVE = /^(?:\d+[smhd])+$/;
const NANOS_PER_MS = 1_000_000n;

/** `10m`, `1h30m` (ago), `2026-01-02T03:04:05Z` or seconds since the epoch, as nanoseconds since the epoch. */
export function parseTime(name: string, text: string, nowMs: number): bigint {
  if (RELATIVE.test(text)) {
    const agoMs = [...text.matchAll(/(\d+)([smhd])/g)].reduce(
      (total, [, count, unit]) => total + Number(count) * (UNITS_MS[unit ?? ''] ?? 0),
      0,
    );
    return BigInt(Math.round(nowMs - agoMs)) * NANOS_PER_MS;
  }
  if (/^\d+$/.test(text)) return BigInt(text) * 1000n * NANOS_PER_MS;
  const ms = Date.parse(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(ms)) {
    throw new UsageError(`--${name} must be like 10m, 2026-01-02T03:04:05Z or seconds since 1970, got "${text}"`);
  }
  return BigInt(ms) * NANOS_PER_MS;
}
