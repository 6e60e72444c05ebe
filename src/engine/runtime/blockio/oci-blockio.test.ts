import { describe, expect, it } from 'vitest';
import { ociBlockio } from './oci-blockio.ts';
import type { ResolvedRule } from './oci-blockio.ts';

const SDA = { major: 8, minor: 0 };
const SDB = { major: 8, minor: 16 };
const RULES: readonly ResolvedRule[] = [
  { weight: 80, limits: {} },
  { devices: [SDA, SDB], weight: 50, limits: { readBps: 1000, writeBps: 2000, readIops: 30, writeIops: 40 } },
  { devices: [SDB], weight: 60, limits: { readBps: 5000, writeIops: 0 } },
];

describe('ociBlockio()', () => {
  it('is the golden spec of a class; the later rule counts, and 0 is no limit', () => {
    expect(ociBlockio(RULES, true)).toEqual({
      blockio: {
        weight: 80,
        weightDevice: [
          { ...SDA, weight: 50 },
          { ...SDB, weight: 60 },
        ],
        throttleReadBpsDevice: [
          { ...SDA, rate: 1000 },
          { ...SDB, rate: 5000 },
        ],
        throttleWriteBpsDevice: [
          { ...SDA, rate: 2000 },
          { ...SDB, rate: 2000 },
        ],
        throttleReadIOPSDevice: [
          { ...SDA, rate: 30 },
          { ...SDB, rate: 30 },
        ],
        throttleWriteIOPSDevice: [{ ...SDA, rate: 40 }],
      },
      notices: [],
    });
  });

  it('leaves out weights where nobody goes by them, and says so', () => {
    const { blockio, notices } = ociBlockio(RULES, false);
    expect(Object.keys(blockio).filter((key) => key.startsWith('weight'))).toEqual([]);
    expect(blockio.throttleReadBpsDevice).toHaveLength(2);
    expect(notices).toEqual(['no I/O scheduler of this kernel has weights']);
  });

  it('says nothing of weights that nobody asks for', () => {
    const throttle = [{ devices: [SDA], limits: { readBps: 1 } }];
    expect(ociBlockio(throttle, false)).toEqual({
      blockio: { throttleReadBpsDevice: [{ ...SDA, rate: 1 }] },
      notices: [],
    });
    expect(ociBlockio([], true)).toEqual({ blockio: {}, notices: [] });
  });
});
