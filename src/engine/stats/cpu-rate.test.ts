import { describe, expect, it } from 'vitest';
import { CpuRate } from './cpu-rate.ts';

describe('CpuRate.next()', () => {
  it('tells billionths of a core between two looks', () => {
    const rate = new CpuRate();
    expect(rate.next({ usageNanos: 1_000_000_000, atMs: 0 })).toBeUndefined();
    // Five seconds of processor time in ten.
    expect(rate.next({ usageNanos: 6_000_000_000, atMs: 10_000 })).toBe(500_000_000);
    expect(rate.next({ usageNanos: 26_000_000_000, atMs: 20_000 })).toBe(2_000_000_000);
  });

  it('takes a longer window where two looks are too near', () => {
    const rate = new CpuRate();
    rate.next({ usageNanos: 0, atMs: 0 });
    expect(rate.next({ usageNanos: 999, atMs: 10 })).toBeUndefined();
    expect(rate.next({ usageNanos: 10_000_000_000, atMs: 10_000 })).toBe(1_000_000_000);
    // 10 ms after the last: over the window from the first.
    expect(rate.next({ usageNanos: 10_010_000_000, atMs: 10_010 })).toBe(1_000_000_000);
    expect(rate.next({ usageNanos: 10_000_000_000, atMs: 20_000 })).toBe(0);
  });

  it('has no rate for a counter that went back', () => {
    const rate = new CpuRate();
    rate.next({ usageNanos: 5_000, atMs: 0 });
    expect(rate.next({ usageNanos: 1_000, atMs: 10_000 })).toBeUndefined();
    expect(rate.next({ usageNanos: 10_000_001_000, atMs: 20_000 })).toBe(1_000_000_000);
  });
});
