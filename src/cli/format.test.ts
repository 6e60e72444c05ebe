import Long from 'long';
import { describe, expect, it } from 'vitest';
import { age, byteSize, shortId, splitTag } from './format.ts';

describe('age()', () => {
  it.each([
    [0, '0s'],
    [45, '45s'],
    [60, '1m'],
    [200, '3m20s'],
    [3_600, '1h'],
    [3_605, '1h'],
    [18_720, '5h12m'],
    [9 * 86_400 + 4 * 3_600 + 59, '9d4h'],
    [-5, '0s'],
  ])('shows %i seconds as %s', (seconds, text) => {
    const now = 1_700_000_000_000;
    const nanos = Long.fromString(String(BigInt(now - seconds * 1000) * 1_000_000n));
    expect(age(nanos, now)).toBe(text);
  });
});

describe('byteSize()', () => {
  it.each([
    [0, '0B'],
    [999, '999B'],
    [1_000, '1kB'],
    [4_261_234, '4.26MB'],
    [123_456_789, '123MB'],
    [2_000_000_000, '2GB'],
  ])('shows %i as %s', (bytes, text) => expect(byteSize(bytes)).toBe(text));
});

describe('shortId()', () => {
  it('takes the front of ids and digests', () => {
    expect(shortId('0123456789abcdef')).toBe('0123456789abc');
    expect(shortId('sha256:0123456789abcdef')).toBe('0123456789abc');
  });
});

describe('splitTag()', () => {
  it('does not take a port for a tag', () => {
    expect(splitTag('localhost:5000/a/b')).toEqual(['localhost:5000/a/b', '']);
    expect(splitTag('localhost:5000/a/b:c')).toEqual(['localhost:5000/a/b', 'c']);
  });
});
