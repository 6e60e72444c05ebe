import { describe, expect, it } from 'vitest';
import { Sweep } from './sweep.ts';

/** Samples that end when the test says so. */
function controlled(parallel: number) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const sweep = new Sweep((id) => {
    begun.push(id);
    const { promise, resolve } = Promise.withResolvers<void>();
    ends.set(id, resolve);
    return promise;
  }, parallel);
  const end = async (id: string): Promise<void> => {
    ends.get(id)?.();
    await new Promise(setImmediate);
  };
  return { sweep, begun, end };
}

describe('Sweep', () => {
  it('samples so many at once, in order, each once', async () => {
    const { sweep, begun, end } = controlled(2);
    sweep.add(['a', 'b', 'c', 'b', 'a']);
    sweep.add(['c']);
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    await end('c');
    await end('a');
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('goes on beside one that hangs, and does not begin that one again', async () => {
    const { sweep, begun, end } = controlled(2);
    sweep.add(['hangs', 'b', 'c']);
    await end('b');
    await end('c');
    sweep.add(['hangs', 'b', 'c']);
    await end('b');
    expect(begun).toEqual(['hangs', 'b', 'c', 'b', 'c']);
  });

  it('takes who is asked for before all others, in a place of its own', async () => {
    const { sweep, begun, end } = controlled(1);
    sweep.add(['a', 'b', 'c']);
    const sampled = sweep.now('c');
    expect(begun).toEqual(['a', 'c']);
    expect(sweep.now('c')).not.toBe(undefined);
    await end('c');
    await sampled;
    expect(begun).toEqual(['a', 'c']);
    await end('a');
    expect(begun).toEqual(['a', 'c', 'b']);
  });

  it('lets go of those who wait when it is cleared', async () => {
    const { sweep, begun } = controlled(1);
    sweep.add(['a', 'b']);
    void sweep.now('c');
    const waits = sweep.now('d');
    sweep.clear();
    await waits;
    expect(begun).toEqual(['a', 'c']);
  });
});
