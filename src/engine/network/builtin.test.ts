import { describe, expect, it } from 'vitest';
import { builtinConf } from './builtin.ts';

const base = { name: 'davit', bridge: 'davit0', firewall: false, bandwidth: false };

function types(more: object): string[] {
  return builtinConf({ ...base, subnets: ['10.88.0.0/16'], ...more }).plugins.map(({ type }) => type);
}

describe('builtinConf()', () => {
  it('has a range and a default route for each family', () => {
    const [bridge] = builtinConf({ ...base, subnets: ['10.88.0.0/16', 'fd88::/64'] }).plugins;
    expect(bridge?.['ipam']).toEqual({
      type: 'host-local',
      ranges: [[{ subnet: '10.88.0.0/16' }], [{ subnet: 'fd88::/64' }]],
      routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
    });
  });

  it('has the optional plugins that it may have', () => {
    expect(types({})).toEqual(['bridge', 'portmap']);
    expect(types({ firewall: true, bandwidth: true })).toEqual(['bridge', 'portmap', 'firewall', 'bandwidth']);
  });
});
