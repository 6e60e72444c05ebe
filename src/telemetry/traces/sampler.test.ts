import { describe, expect, it } from 'vitest';
import { parseSampler } from './sampler.ts';
import { newTraceId, parseTraceparent } from './traceparent.ts';
import { WallClock } from './wall-clock.ts';

const parent = (sampled: boolean) => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled, state: '' });

describe('parseSampler()', () => {
  it('follows the parent where there is one', () => {
    const sampler = parseSampler('parentbased_traceidratio', '0');
    expect(sampler(newTraceId(), parent(true))).toBe(true);
    expect(sampler(newTraceId(), parent(false))).toBe(false);
    expect(sampler(newTraceId(), undefined)).toBe(false);
  });

  it('takes a share of the traces', () => {
    const sampler = parseSampler('traceidratio', '0.25');
    const taken = Array.from({ length: 4_000 }, () => sampler(newTraceId(), undefined)).filter(Boolean).length;
    expect(taken).toBeGreaterThan(700);
    expect(taken).toBeLessThan(1_300);
    expect(parseSampler('always_off')(newTraceId(), parent(true))).toBe(false);
    expect(parseSampler('always_on')(newTraceId(), parent(false))).toBe(true);
  });
});

describe('parseTraceparent()', () => {
  const [trace, span] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];

  it('takes what the recommendation allows', () => {
    expect(parseTraceparent(`00-${trace}-${span}-01`)).toMatchObject({ traceId: trace, spanId: span, sampled: true });
    expect(parseTraceparent(`cc-${trace}-${span}-00-later`)).toMatchObject({ sampled: false });
  });

  it.each([
    [undefined],
    [''],
    [`ff-${trace}-${span}-01`],
    [`00-${trace}-${span}-01-more`],
    [`00-${'0'.repeat(32)}-${span}-01`],
    [`00-${trace}-${'0'.repeat(16)}-01`],
    [`00-${trace.toUpperCase()}-${span}-01`],
    [`00-${trace}-${span}`],
  ])('takes nothing of %j', (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});

describe('WallClock', () => {
  it('counts parts of a millisecond, and follows a clock that was set', () => {
    const now = { wall: 1_760_000_000_000, steady: 10.25 };
    const clock = new WallClock({ wallMs: () => now.wall, steadyMs: () => now.steady });
    expect(clock.now().toString()).toBe('1760000000000000000');
    now.steady += 0.5;
    expect(clock.now().toString()).toBe('1760000000000500000');
    now.wall -= 3_600_000;
    expect(clock.now().toString()).toBe('1759996400000000000');
  });
});
