import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { allHostDevices, deviceNumbers, devicesAt } from './host-devices.ts';
import { readHostFacts } from './host-facts.ts';
import { parseHugepageSizes } from './hugepages.ts';
import { parseProcStatus } from './proc-status.ts';

describe('parseProcStatus()', () => {
  it('reads the capability sets and whether seccomp is there', () => {
    const status = parseProcStatus('Name:\tnode\nCapEff:\t0000000000000001\nCapBnd:\t0000000000000003\nSeccomp:\t0\n');
    expect(status.effectiveCapabilities).toEqual(['CAP_CHOWN']);
    expect(status.boundingCapabilities).toEqual(['CAP_CHOWN', 'CAP_DAC_OVERRIDE']);
    expect(status.seccomp).toBe(true);
  });

  it('takes missing lines for nothing', () => {
    expect(parseProcStatus('')).toEqual({ boundingCapabilities: [], effectiveCapabilities: [], seccomp: false });
  });
});

describe('parseHugepageSizes()', () => {
  it('names the sizes as limits do, smallest first', () => {
    expect(parseHugepageSizes(['hugepages-1048576kB', 'hugepages-2048kB', 'other', 'hugepages-64kB'])).toEqual([
      '64KB',
      '2MB',
      '1GB',
    ]);
  });
});

describe('readHostFacts()', () => {
  it('reads this machine', async () => {
    const facts = await readHostFacts();
    expect(facts.kernelVersion).toMatch(/^\d+\.\d+/);
    expect(facts.cpuCount).toBeGreaterThan(0);
    expect(facts.process.oomScoreAdj).toBe(Number(readFileSync('/proc/self/oom_score_adj', 'utf8')));
    expect(facts.cgroupDriver).toBe(facts.systemd ? 'systemd' : 'cgroupfs');
    expect(Object.isFrozen(facts)).toBe(true);
  });
});

describe('devicesAt()', () => {
  it('reads one device and gives it the path of the container', async () => {
    const [device, ...rest] = await devicesAt('/dev/null', '/dev/nothing');
    expect(rest).toEqual([]);
    expect(device).toMatchObject({ path: '/dev/nothing', type: 'c', major: 1, minor: 3 });
  });

  it('says what is not there and what is no device', async () => {
    await expect(devicesAt('/dev/no-such-device', '/dev/x')).rejects.toThrow('/dev/no-such-device');
    await expect(devicesAt('/etc/passwd', '/dev/x')).rejects.toThrow('/etc/passwd is not a device');
  });
});

describe('allHostDevices()', () => {
  it('finds devices, and neither terminals of others nor the console', async () => {
    const paths = (await allHostDevices()).map((device) => device.path);
    expect(paths).toContain('/dev/null');
    expect(paths).not.toContain('/dev/console');
    expect(paths.filter((path) => path.startsWith('/dev/pts/'))).toEqual([]);
  });
});

describe('deviceNumbers()', () => {
  it('takes the interleaved bits apart', () => {
    expect(deviceNumbers(0x0103n)).toEqual({ major: 1, minor: 3 });
    expect(deviceNumbers((0xfen << 8n) | 0x45n | (0x123n << 20n))).toEqual({ major: 0xfe, minor: 0x12345 });
  });
});
