import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { TerminalSize } from './resize.ts';
import { TerminalSizes } from './terminal-sizes.ts';

const LONG_MS = 60_000;

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function json(width: number): string {
  return JSON.stringify({ Width: width, Height: 24 });
}

describe('TerminalSizes', () => {
  it('has a first size as soon as there is one', async () => {
    const stream = new PassThrough();
    const sizes = TerminalSizes.of(stream);
    const first = sizes.first(LONG_MS);
    stream.write(json(80));
    expect(await first).toEqual({ width: 80, height: 24 });
  });

  it('has none in the end, be it that of the wait or of the stream', async () => {
    const stream = new PassThrough();
    const sizes = TerminalSizes.of(stream);
    expect(await sizes.first(1)).toBeUndefined();
    const first = sizes.first(LONG_MS);
    stream.destroy();
    expect(await first).toBeUndefined();
    expect(await TerminalSizes.of(undefined).first(LONG_MS)).toBeUndefined();
  });

  it('gives one size after the other, the last one last, and skips what is old already', async () => {
    const stream = new PassThrough();
    const sizes = TerminalSizes.of(stream);
    const given: number[] = [];
    const gates: (() => void)[] = [];
    const following = sizes.follow(({ width }: TerminalSize) => {
      given.push(width);
      return new Promise((resolve) => gates.push(resolve));
    });
    stream.write(json(1));
    await settled();
    stream.write(json(2) + json(3));
    stream.end(json(4));
    await settled();
    expect(given).toEqual([1]);
    gates.shift()?.();
    await settled();
    expect(given).toEqual([1, 4]);
    gates.shift()?.();
    await following;
  });
});
