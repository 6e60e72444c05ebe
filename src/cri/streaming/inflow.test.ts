import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { Inflow, InputBudget } from './inflow.ts';

function world(limitBytes: number) {
  const changes: boolean[] = [];
  const budget = new InputBudget(limitBytes, (isFull) => changes.push(isFull));
  const make = (): { readonly stream: Readable; readonly inflow: Inflow } => {
    const stream = new Readable({ highWaterMark: 1, read: () => inflow.want() });
    const inflow = new Inflow(budget, (chunk) => stream.push(chunk));
    return { stream, inflow };
  };
  return { changes, make };
}

describe('Inflow', () => {
  it('gives all that was offered, then the end', async () => {
    const { stream, inflow } = world(1_000).make();
    for (const piece of ['a', '', 'b', 'c']) inflow.offer(Buffer.from(piece));
    inflow.end();
    inflow.end();
    inflow.offer(Buffer.from('after the end'));
    expect(await text(stream)).toBe('abc');
  });

  it('is full for all streams at once, and free again when half has been taken', async () => {
    const { changes, make } = world(10_000);
    const [one, two] = [make(), make()];
    one.inflow.offer(Buffer.alloc(4_000));
    two.inflow.offer(Buffer.alloc(4_000));
    expect(changes).toEqual([]);
    two.inflow.offer(Buffer.alloc(2_000));
    expect(changes).toEqual([true]);
    two.inflow.end();
    await text(two.stream);
    expect(changes).toEqual([true, false]);
  });

  it('counts more than the bytes of small pieces', () => {
    const { changes, make } = world(10_000);
    const { inflow } = make();
    for (let n = 0; n < 40; n++) inflow.offer(Buffer.of(n));
    expect(changes).toEqual([true]);
  });

  it('keeps no large buffer alive for a small piece', async () => {
    const { stream, inflow } = world(1_000_000).make();
    const large = Buffer.alloc(64 * 1024);
    inflow.offer(large.subarray(0, 100));
    inflow.end();
    const [piece = large] = (await stream.toArray()) as Buffer[];
    expect(piece.length).toBe(100);
    expect(piece.buffer.byteLength).toBeLessThan(large.length);
  });

  it('gives back what nobody will read', () => {
    const { changes, make } = world(10_000);
    const { inflow } = make();
    inflow.offer(Buffer.alloc(20_000));
    inflow.drop();
    inflow.offer(Buffer.alloc(20_000));
    expect(changes).toEqual([true, false]);
  });
});
