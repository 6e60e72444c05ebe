import { describe, expect, it } from 'vitest';
import { Stamp, STAMP_LENGTH } from './stamp.ts';

const START = { seconds: 1_700_000_000, nanos: 5 };

function stampAt(...instants: { seconds: number; nanos: number }[]): { stamp: Stamp; text: () => string } {
  const times = [...instants];
  const stamp = new Stamp(Buffer.alloc(STAMP_LENGTH), () => times.shift() ?? START);
  return { stamp, text: () => stamp.bytes.toString('latin1') };
}

describe('Stamp', () => {
  it('writes nine digits of a second, whatever they are', () => {
    const { stamp, text } = stampAt(START);
    stamp.refresh();
    expect(text()).toBe('2023-11-14T22:13:20.000000005Z');
  });

  it('carries a step over all digits and into the next second', () => {
    const { stamp, text } = stampAt({ ...START, nanos: 199_999_999 }, { ...START, nanos: 999_999_998 });
    stamp.refresh();
    stamp.step();
    expect(text()).toBe('2023-11-14T22:13:20.200000000Z');
    stamp.refresh();
    stamp.step();
    stamp.step();
    expect(text()).toBe('2023-11-14T22:13:21.000000000Z');
  });

  it('goes on where its steps led while the clock is behind them', () => {
    const { stamp, text } = stampAt({ ...START, nanos: 100 }, { ...START, nanos: 101 });
    stamp.refresh();
    for (let i = 0; i < 5; i++) stamp.step();
    stamp.refresh();
    expect(text()).toBe('2023-11-14T22:13:20.000000106Z');
  });

  it('follows a clock that is set back', () => {
    const { stamp, text } = stampAt(START, { seconds: START.seconds - 3600, nanos: 0 });
    stamp.refresh();
    stamp.refresh();
    expect(text()).toBe('2023-11-14T21:13:20.000000000Z');
  });
});
