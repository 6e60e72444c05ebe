import { describe, expect, it } from 'vitest';
import { Samples, median } from './samples.ts';

describe('median()', () => {
  it('is the middle of an odd number and between the two middles of an even one', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([10, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });
});

describe('Samples', () => {
  it('has a median for each round of each side', () => {
    const samples = new Samples();
    for (const ms of [1, 2, 9]) samples.recorder('davit', 0)('create', ms);
    samples.recorder('davit', 1)('create', 4);
    samples.recorder('peer', 0)('create', 7);
    samples.recorder('davit', 0)('createStart', 100);
    expect(samples.medians('create', 'davit')).toEqual([2, 4]);
    expect(samples.medians('create', 'peer')).toEqual([7]);
  });
});
