import { describe, expect, it } from 'vitest';
import { capabilityArgs, runtimeConfigFor } from './capabilities.ts';

const none = { portMappings: [], annotations: {}, podCidrs: [] };

describe('capabilityArgs()', () => {
  it('gives host ports in the form of the conventions and leaves out those that map nothing', () => {
    const portMappings = [
      { protocol: 'tcp', containerPort: 80, hostPort: 8080 },
      { protocol: 'udp', containerPort: 53, hostPort: 53, hostIp: '127.0.0.1' },
      { protocol: 'tcp', containerPort: 443, hostPort: 0 },
    ] as const;
    expect(capabilityArgs({ ...none, portMappings })['portMappings']).toEqual([
      { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
      { hostPort: 53, containerPort: 53, protocol: 'udp', hostIP: '127.0.0.1' },
    ]);
    expect(Object.keys(capabilityArgs(none))).toEqual(['io.kubernetes.cri.pod-annotations']);
  });

  it('reads bandwidth from the annotations', () => {
    const annotations = { 'kubernetes.io/ingress-bandwidth': '10M', 'kubernetes.io/egress-bandwidth': '1Gi' };
    expect(capabilityArgs({ ...none, annotations })['bandwidth']).toEqual({
      ingressRate: 10_000_000,
      ingressBurst: 2_147_483_647,
      egressRate: 2 ** 30,
      egressBurst: 2_147_483_647,
    });
  });

  it.each(['10MB', '999', '2P', ''])('names the annotation of the bandwidth %j', (rate) => {
    const annotations = { 'kubernetes.io/egress-bandwidth': rate };
    expect(() => capabilityArgs({ ...none, annotations })).toThrow(
      /^config\.annotations\["kubernetes\.io\/egress-bandwidth"\]: /,
    );
  });

  it('gives dns, address ranges and the cgroup', () => {
    const dns = { servers: ['10.0.0.1'], searches: ['a'], options: ['ndots:5'] };
    const args = capabilityArgs({ ...none, dns, podCidrs: ['10.1.0.0/24', 'fd00::/64'], cgroupParent: '/pods/x' });
    expect(args['dns']).toEqual(dns);
    expect(args['ipRanges']).toEqual([[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00::/64' }]]);
    expect(args['cgroupPath']).toBe('/pods/x');
  });
});

describe('runtimeConfigFor()', () => {
  it('gives a plugin what it declares and nothing else', () => {
    const args = { portMappings: [1], dns: {}, 'io.kubernetes.cri.pod-annotations': { a: 'b' } };
    const capabilities = { portMappings: true, dns: false, bandwidth: true, 'io.kubernetes.cri.pod-annotations': true };
    expect(runtimeConfigFor({ type: 'x', capabilities }, args)).toEqual({
      portMappings: [1],
      'io.kubernetes.cri.pod-annotations': { a: 'b' },
    });
    expect(runtimeConfigFor({ type: 'x' }, args)).toEqual({});
  });
});
