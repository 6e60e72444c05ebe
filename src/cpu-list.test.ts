import { describe, expect, it } from 'vitest';
import { parseCpuList } from './cpu-list.ts';

describe('parseCpuList()', () => {
  it.each([
    ['0', [0]],
    ['0-3,8\n', [0, 1, 2, 3, 8]],
    ['7,1-2,2', [1, 2, 7]],
  ])('reads %j', (text, cpus) => {
    expect(parseCpuList(text)).toEqual(cpus);
  });

  it.each(['', ',', '1,', '3-1', '-1', '1-', 'a', '0 1', '0x1', '9999'])('refuses %j', (text) => {
    expect(parseCpuList(text)).toBeUndefined();
  });
});
