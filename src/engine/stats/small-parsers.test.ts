import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDiskstats } from './block-devices.ts';
import { numbersOf } from './filesystem.ts';
import { parsePressure } from './kernel-text.ts';
import { parseNetDev } from './net-dev.ts';
import { parseSoftLimits, parseTaskState } from './processes.ts';

function recorded(name: string): string {
  return readFileSync(new URL(`./fixtures/v1/${name}`, import.meta.url), 'utf8');
}

describe('parseNetDev()', () => {
  it('reads a pod with one interface', () => {
    expect(parseNetDev(recorded('net-dev'))).toMatchObject([{ name: 'eth0', rxErrors: 0, txErrors: 0 }]);
  });

  it('puts the primary interface first and leaves lo out', () => {
    const text = `Inter-|   Receive  |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9
  net1:1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0
  eth0: 10 0 0 0 0 0 0 0 20 0 0 0 0 0 0 0
`;
    const [first, second, ...rest] = parseNetDev(text);
    expect(first).toMatchObject({ name: 'eth0', rxBytes: 10, txBytes: 20 });
    expect(second).toEqual({
      name: 'net1',
      rxBytes: 1,
      rxPackets: 2,
      rxErrors: 3,
      rxDropped: 4,
      txBytes: 5,
      txPackets: 6,
      txErrors: 7,
      txDropped: 8,
    });
    expect(rest).toEqual([]);
  });
});

describe('parseSoftLimits()', () => {
  it('names limits in one way and leaves out those that are none', () => {
    expect(parseSoftLimits(recorded('limits'))).toMatchObject({
      max_open_files: 20_000,
      max_stack_size: 8_388_608,
      max_core_file_size: 0,
      max_nice_priority: 0,
    });
    expect(parseSoftLimits(recorded('limits'))).not.toHaveProperty('max_cpu_time');
  });
});

describe('parseTaskState()', () => {
  it.each([
    ['7 (sleep) S 1 7 7 0', 'sleeping'],
    ['7 (a) R 2 (b) R 1 7 7 0', 'running'],
    ['7 (nfsd) D 1', 'uninterruptible'],
    ['7 (sh) t 1', 'stopped'],
    ['7 (sh) Z 1', undefined],
    ['', undefined],
  ])('of %j is %s', (text, state) => {
    expect(parseTaskState(text)).toBe(state);
  });
});

describe('parsePressure()', () => {
  it('takes a kernel that counts no task at all, or not all of them', () => {
    expect(parsePressure(undefined)).toBeUndefined();
    expect(parsePressure('some avg10=1.50 avg60=0.00 avg300=0.00 total=7\n')).toEqual({
      some: { totalNanos: 7000, avg10: 1.5, avg60: 0, avg300: 0 },
    });
  });
});

describe('parseDiskstats()', () => {
  it('gives names by numbers', () => {
    const names = parseDiskstats('   7       0 loop0 0 0 0\n 254       0 vda 98339 24878\n');
    expect([...names]).toEqual([
      ['7:0', '/dev/loop0'],
      ['254:0', '/dev/vda'],
    ]);
  });
});

describe('numbersOf()', () => {
  it('takes a number of a device apart', () => {
    expect(numbersOf(0xfe00n)).toEqual([254, 0]);
    expect(numbersOf(0x812n)).toEqual([8, 0x12]);
    // major 0x1234, minor 0x56789
    expect(numbersOf(0x0000_1000_5672_3489n)).toEqual([0x1234, 0x56789]);
  });
});
