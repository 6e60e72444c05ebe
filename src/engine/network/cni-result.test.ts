import { describe, expect, it } from 'vitest';
import { podIps, preferred } from './cni-result.ts';

describe('podIps()', () => {
  it('keeps all addresses in order, without prefix lengths', () => {
    const ips = [
      { address: 'fd00::5/64', interface: 2 },
      { address: '10.1.0.5/24', interface: 2 },
      { address: '10.1.0.5/24' },
    ];
    const interfaces = [{ name: 'cni0' }, { name: 'veth1' }, { name: 'eth0', sandbox: '/run/ns' }];
    expect(podIps({ ips, interfaces })).toEqual(['fd00::5', '10.1.0.5']);
  });

  it("leaves out addresses of the node's interfaces, and what is no address", () => {
    const ips = [
      { address: '10.1.0.1/24', interface: 0 },
      { address: '10.1.0.5/24', interface: 1 },
      { address: 'x' },
      7,
      {},
    ];
    expect(
      podIps({
        ips,
        interfaces: [
          { name: 'cni0', sandbox: '' },
          { name: 'eth0', sandbox: '/ns' },
        ],
      }),
    ).toEqual(['10.1.0.5']);
  });

  it('reads results of the oldest versions', () => {
    expect(podIps({ ip4: { ip: '10.1.0.5/24' }, ip6: { ip: 'fd00::5/64' } })).toEqual(['10.1.0.5', 'fd00::5']);
    expect(podIps({})).toEqual([]);
  });
});

describe('preferred()', () => {
  const ips = ['fd00::2', '10.0.0.2', '10.0.0.3'];

  it.each([
    ['cni', ips],
    ['ipv4', ['10.0.0.2', '10.0.0.3', 'fd00::2']],
    ['ipv6', ips],
  ] as const)('puts the family first that %s says, and keeps the order in it', (preference, order) => {
    expect(preferred(ips, preference)).toEqual(order);
    expect(preferred([], preference)).toEqual([]);
  });
});
