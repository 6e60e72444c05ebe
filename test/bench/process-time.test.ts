import { describe, expect, it } from 'vitest';
import { cpuMs, cpuMsOf } from './process-time.ts';

describe('cpuMsOf()', () => {
  it('adds both kinds of time, whatever the process is called', () => {
    const stat = '42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0';
    expect(cpuMsOf(stat)).toBe(2_000);
  });

  it('reads the kernel', async () => {
    expect(await cpuMs(process.pid)).toBeGreaterThan(0);
  });
});
