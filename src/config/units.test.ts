import { describe, expect, it } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

describe('parseDuration()', () => {
  it('adds the parts up to milliseconds', () => {
    expect(parseDuration('10s')).toBe(10_000);
    expect(parseDuration('1m30s')).toBe(90_000);
    expect(parseDuration('1.5h')).toBe(5_400_000);
    expect(parseDuration('2h3m4s5ms')).toBe(7_384_005);
    expect(parseDuration('0s')).toBe(0);
  });

  it.each(['', '10', 's', '10 s', '-1s', '30s1m', '1s1s', '1.s', '.5s', '0.1ms', '1d', '99999999999999999h', '1m30'])(
    'refuses %j',
    (text) => expect(parseDuration(text)).toBeUndefined(),
  );

  it('reads what formatDuration() writes', () => {
    for (const ms of [0, 1, 999, 1000, 61_001, 3_600_000, 86_399_999])
      expect(parseDuration(formatDuration(ms))).toBe(ms);
  });
});

describe('parseSize()', () => {
  it('gives bytes', () => {
    expect(parseSize('16KiB')).toBe(16_384);
    expect(parseSize('1.5MiB')).toBe(1_572_864);
    expect(parseSize('10MB')).toBe(10_000_000);
    expect(parseSize('7B')).toBe(7);
  });

  it.each(['', '16', '16K', '16 KiB', '16kib', '1.5B', '-1B', 'iB', '9999999TiB'])('refuses %j', (text) =>
    expect(parseSize(text)).toBeUndefined(),
  );

  it('reads what formatSize() writes', () => {
    for (const bytes of [0, 1, 1000, 1023, 1024, 16_384, 1024 ** 4]) expect(parseSize(formatSize(bytes))).toBe(bytes);
  });
});
