import { describe, expect, it } from 'vitest';
import { Tokens } from './tokens.ts';

const MINUTE = 60_000;

describe('Tokens', () => {
  it('are good once', () => {
    const tokens = new Tokens<string>();
    const token = tokens.issue('exec');
    expect(tokens.redeem(token)).toBe('exec');
    expect(tokens.redeem(token)).toBeUndefined();
  });

  it('hold at least 128 random bits in the letters of a URL', () => {
    const tokens = new Tokens<number>();
    const issued = Array.from({ length: 100 }, (_, n) => tokens.issue(n));
    expect(new Set(issued).size).toBe(100);
    for (const token of issued) expect(token).toMatch(/^[\w-]{22,}$/);
  });

  it('are good for a minute', () => {
    let now = 5;
    const tokens = new Tokens<string>(() => now);
    const first = tokens.issue('a');
    now += MINUTE - 1;
    const second = tokens.issue('b');
    now += 1;
    expect(tokens.redeem(first)).toBeUndefined();
    expect(tokens.redeem(second)).toBe('b');
  });

  it('are a thousand at most, until some are used or too old', () => {
    let now = 0;
    const tokens = new Tokens<number>(() => now);
    const first = tokens.issue(0);
    for (let n = 1; n < 1_000; n++) tokens.issue(n);
    expect(() => tokens.issue(1_000)).toThrow(/1000 requests .* wait for their clients/);
    tokens.redeem(first);
    tokens.issue(1_000);
    now += MINUTE;
    tokens.issue(1_001);
    expect(tokens.size).toBe(1);
  });
});
