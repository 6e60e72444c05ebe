import { describe, expect, it } from 'vitest';
import { parseExactJson, stringifyExactJson } from './exact-json.ts';

describe('parseExactJson()', () => {
  it('reads numbers as numbers, and as bigints where they would be rounded', () => {
    expect(parseExactJson('{"a":[1,-2.5,1e3,9007199254740991,18446744073709551615,1e400]}')).toEqual({
      a: [1, -2.5, 1000, 9_007_199_254_740_991, 18_446_744_073_709_551_615n, Infinity],
    });
  });

  it('throws on what is not JSON', () => expect(() => parseExactJson('{')).toThrow(SyntaxError));
});

describe('stringifyExactJson()', () => {
  it('gives back what was read', () => {
    const text = '{"a":[18446744073709551615,null,"x"],"b":{"c":-9223372036854775808}}';
    expect(stringifyExactJson(parseExactJson(text))).toBe(text);
  });
});
