import { describe, expect, it } from 'vitest';
import { chainIds } from './chain-id.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;

describe('chainIds()', () => {
  it('names the bottom layer by its diff id and each other by what is below it and its own', () => {
    expect(chainIds([])).toEqual([]);
    expect(chainIds([A])).toEqual([A]);
    const [first, second] = chainIds([A, B]);
    expect(first).toBe(A);
    // printf 'sha256:aaa… sha256:bbb…' | sha256sum
    expect(second).toBe('sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c');
  });
});
