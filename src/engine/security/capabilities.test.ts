import { describe, expect, it } from 'vitest';
import { DEFAULT_CAPABILITIES } from '../../capability-names.ts';
import { CAPABILITIES, capabilitiesOfMask, grantCapabilities } from './capabilities.ts';
import { invalidField } from '../errors.ts';

const NONE = { privileged: false, base: DEFAULT_CAPABILITIES, add: [], drop: [], addAmbient: [] };
const ALL = CAPABILITIES as readonly string[];

describe('capabilitiesOfMask()', () => {
  it('names the bits of a mask and leaves out those without a name', () => {
    expect(capabilitiesOfMask('0000000000000003')).toEqual(['CAP_CHOWN', 'CAP_DAC_OVERRIDE']);
    expect(capabilitiesOfMask('ffffffffffffffff')).toEqual(ALL);
    expect(capabilitiesOfMask('000001fffeffffff')).not.toContain('CAP_SYS_RESOURCE');
  });
});

describe('grantCapabilities()', () => {
  it('gives the default set when nothing is asked', () => {
    expect([...grantCapabilities(NONE, ALL).names].sort()).toEqual([...DEFAULT_CAPABILITIES].sort());
  });

  it('adds to the base that it is given, and drops from it', () => {
    const base = ['CAP_KILL', 'CAP_CHOWN'];
    expect(grantCapabilities({ ...NONE, base }, ALL).names).toEqual(['CAP_CHOWN', 'CAP_KILL']);
    expect(grantCapabilities({ ...NONE, base, add: ['SYS_TIME'], drop: ['KILL'] }, ALL).names).toEqual([
      'CAP_CHOWN',
      'CAP_SYS_TIME',
    ]);
    expect(grantCapabilities({ ...NONE, base: [] }, ALL).names).toEqual([]);
    expect(grantCapabilities({ ...NONE, base, privileged: true }, ALL).names).toEqual(ALL);
  });

  it('takes names in any case, with and without CAP_', () => {
    const { names } = grantCapabilities({ ...NONE, add: ['net_admin', 'CAP_SYS_TIME'], drop: ['Cap_Chown'] }, ALL);
    expect(names).toContain('CAP_NET_ADMIN');
    expect(names).toContain('CAP_SYS_TIME');
    expect(names).not.toContain('CAP_CHOWN');
  });

  it('leaves only what is added when ALL is dropped', () => {
    expect(grantCapabilities({ ...NONE, add: ['NET_BIND_SERVICE'], drop: ['all'] }, ALL).names).toEqual([
      'CAP_NET_BIND_SERVICE',
    ]);
    expect(grantCapabilities({ ...NONE, drop: ['ALL'] }, ALL).names).toEqual([]);
    expect(grantCapabilities({ ...NONE, add: ['ALL', 'KILL'], drop: ['ALL'] }, ALL).names).toEqual(['CAP_KILL']);
  });

  it('gives all but what is dropped when ALL is added', () => {
    const { names } = grantCapabilities({ ...NONE, add: ['ALL'], drop: ['SYS_ADMIN'] }, ALL);
    expect(names).toHaveLength(CAPABILITIES.length - 1);
    expect(names).not.toContain('CAP_SYS_ADMIN');
  });

  it('drops what is both added and dropped', () => {
    expect(grantCapabilities({ ...NONE, add: ['NET_ADMIN'], drop: ['NET_ADMIN'] }, ALL).names).not.toContain(
      'CAP_NET_ADMIN',
    );
  });

  it('gives a privileged container everything, whatever is dropped', () => {
    expect(grantCapabilities({ ...NONE, privileged: true, drop: ['ALL'] }, ALL).names).toEqual(ALL);
  });

  it('withholds what the node itself does not have, and says so', () => {
    const held = ALL.filter((name) => name !== 'CAP_SYS_RESOURCE');
    const grant = grantCapabilities({ ...NONE, add: ['ALL'] }, held);
    expect(grant.names).toEqual(held);
    expect(grant.withheld).toEqual(['CAP_SYS_RESOURCE']);
  });

  it('adds what is asked to be ambient to all sets', () => {
    const grant = grantCapabilities({ ...NONE, drop: ['ALL'], add: ['KILL'], addAmbient: ['net_raw'] }, ALL);
    expect(grant).toEqual({ names: ['CAP_KILL', 'CAP_NET_RAW'], ambient: ['CAP_NET_RAW'], withheld: [] });
    expect(grantCapabilities({ ...NONE, addAmbient: ['SYS_TIME'] }, ALL).names).toContain('CAP_SYS_TIME');
    expect(grantCapabilities({ ...NONE, privileged: true, addAmbient: ['KILL'] }, ALL).ambient).toEqual(['CAP_KILL']);
    expect(grantCapabilities(NONE, ALL).ambient).toEqual([]);
  });

  it('makes all that is granted ambient for ALL', () => {
    const held = ALL.filter((name) => name !== 'CAP_SYS_RESOURCE');
    const grant = grantCapabilities({ ...NONE, addAmbient: ['ALL'], drop: ['KILL'] }, held);
    expect(grant.ambient).toEqual(held.filter((name) => name !== 'CAP_KILL'));
    expect(grant.withheld).toEqual(['CAP_SYS_RESOURCE']);
  });

  it('refuses an ambient one that the container does not get, and names the field', () => {
    const field = 'config.linux.security_context.capabilities.add_ambient_capabilities[1]: CAP_SYS_TIME is not among';
    const request = { ...NONE, addAmbient: ['KILL', 'sys_time'] };
    expect(() => grantCapabilities({ ...request, drop: ['SYS_TIME'] }, ALL)).toThrow(field);
    expect(() =>
      grantCapabilities(
        request,
        ALL.filter((name) => name !== 'CAP_SYS_TIME'),
      ),
    ).toThrow(field);
  });

  it('refuses an unknown name and names the field', () => {
    expect(() => grantCapabilities({ ...NONE, drop: ['KILL', 'CAP_NOPE'] }, ALL)).toThrow(
      invalidField('config.linux.security_context.capabilities.drop_capabilities[1]', 'unknown capability "CAP_NOPE"'),
    );
  });
});
