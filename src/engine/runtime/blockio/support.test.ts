import { describe, expect, it } from 'vitest';
import { blockioSupport, v1HasWeights, v2HasWeights } from './support.ts';

const THROTTLE = ['blkio.throttle.read_bps_device', 'blkio.reset_stats'];

describe('v1HasWeights()', () => {
  it('goes by what the root shows of a scheduler', () => {
    expect(v1HasWeights(THROTTLE)).toBe(false);
    expect(v1HasWeights([...THROTTLE, 'blkio.bfq.io_serviced'])).toBe(true);
    expect(v1HasWeights([...THROTTLE, 'blkio.weight'])).toBe(true);
  });
});

describe('v2HasWeights()', () => {
  it('goes by groups that have the controller', () => {
    expect(v2HasWeights([['cpu.max'], ['io.max', 'io.stat']])).toBe(false);
    expect(v2HasWeights([['io.max'], ['io.max', 'io.weight']])).toBe(true);
    expect(v2HasWeights([['io.max', 'io.bfq.weight']])).toBe(true);
  });

  it('leaves the runtime to try where there is none yet', () => {
    expect(v2HasWeights([[], ['cpu.max']])).toBe(true);
  });
});

describe('blockioSupport()', () => {
  it('is none without a tree for it', async () => {
    expect(await blockioSupport({ mode: 'v2', hierarchies: [] })).toBeUndefined();
    const unified = { version: 2, mountPoint: '/x', controllers: ['io'] } as const;
    expect(await blockioSupport({ mode: 'hybrid', hierarchies: [unified] })).toBeUndefined();
    expect(await blockioSupport({ mode: 'v2', hierarchies: [unified] })).toEqual({ hasWeights: true });
  });
});
