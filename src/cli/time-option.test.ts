import { describe, expect, it } from 'vitest';
import { UsageError } from './errors.ts';
import { parseTime } from './time-option.ts';

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

describe('parseTime()', () => {
  it.each([
    ['90s', NOW_MS - 90_000],
    ['1h30m', NOW_MS - 5_400_000],
    ['2d', NOW_MS - 172_800_000],
    ['2026-01-02T03:04:05Z', NOW_MS],
    ['2026-01-02T04:04:05+01:00', NOW_MS],
    ['1767323045', NOW_MS],
  ])('reads %s', (text, ms) => {
    expect(parseTime('since', text, NOW_MS)).toBe(BigInt(ms) * 1_000_000n);
  });

  it.each(['', 'noon', '-1m', '1.5h', '12:00'])('refuses %j', (text) => {
    expect(() => parseTime('since', text, NOW_MS)).toThrow(UsageError);
  });
});
