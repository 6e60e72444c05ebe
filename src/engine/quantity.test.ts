import { describe, expect, it } from 'vitest';
import { parseQuantity } from './quantity.ts';

describe('parseQuantity()', () => {
  it.each([
    ['1000', 1000],
    ['10M', 10e6],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['1e6', 1e6],
    ['2E3', 2000],
    ['2E', 2e18],
    ['.5k', 500],
    ['100m', 0.1],
    ['-1', -1],
  ])('reads %s', (text, value) => {
    expect(parseQuantity(text)).toBeCloseTo(value);
  });

  it.each(['', 'M', '10 M', '10MB', '1e', 'ten', '0x10', '1k1'])('refuses %j', (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });
});
