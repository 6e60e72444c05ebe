import { describe, expect, it } from 'vitest';
import { decide } from './choice.ts';
import type { Choice, ChoiceFacts } from './choice.ts';

const NOTHING: ChoiceFacts = {
  setting: 'auto',
  hasRecords: false,
  systemAddress: '/run/system.sock',
  systemInstalled: false,
  systemAnswers: false,
  ownAddress: '/run/own.sock',
  ownPossible: false,
};
const EVERYTHING = { ...NOTHING, systemInstalled: true, systemAnswers: true, ownPossible: true };
const SYSTEM: Choice = { kind: 'system', address: '/run/system.sock', uuid: 's' };
const SUPERVISED: Choice = { kind: 'supervised', address: '/run/own.sock', uuid: 'o' };
const GIVEN: Choice = { kind: 'given', address: '/run/given.sock', uuid: 'g' };

describe('decide()', () => {
  it('obeys an address and still expects the containerd of the records', () => {
    const facts = { ...EVERYTHING, setting: '/x.sock', hasRecords: true };
    expect(decide(SYSTEM, facts)).toEqual({ kind: 'given', address: '/x.sock', uuid: 's' });
    expect(decide(undefined, facts)).toEqual({ kind: 'given', address: '/x.sock', uuid: undefined });
  });

  it('takes the system containerd where it is installed or answers', () => {
    const system = { kind: 'system', address: '/run/system.sock', uuid: undefined };
    expect(decide(undefined, { ...EVERYTHING, systemAnswers: false })).toEqual(system);
    expect(decide(undefined, { ...EVERYTHING, systemInstalled: false })).toEqual(system);
  });

  it('starts one of its own where the system has none', () => {
    const own = { kind: 'supervised', address: '/run/own.sock', uuid: undefined };
    expect(decide(undefined, { ...NOTHING, ownPossible: true })).toEqual(own);
  });

  it('finds nothing where there is nothing', () => {
    expect(decide(undefined, NOTHING)).toBeUndefined();
    expect(decide(SUPERVISED, NOTHING)).toBeUndefined();
  });

  it('never leaves the containerd that holds pods', () => {
    expect(decide(SYSTEM, { ...NOTHING, hasRecords: true, ownPossible: true })).toEqual(SYSTEM);
    expect(decide(SUPERVISED, { ...EVERYTHING, hasRecords: true, ownPossible: false })).toEqual(SUPERVISED);
    expect(decide(GIVEN, { ...EVERYTHING, hasRecords: true })).toEqual(GIVEN);
  });

  it('keeps its choice without pods as long as that is possible', () => {
    expect(decide(SUPERVISED, EVERYTHING)).toEqual(SUPERVISED);
    expect(decide(SYSTEM, EVERYTHING)).toEqual(SYSTEM);
    expect(decide(SYSTEM, { ...NOTHING, ownPossible: true })).toMatchObject({ kind: 'supervised', uuid: undefined });
    expect(decide(GIVEN, EVERYTHING)).toMatchObject({ kind: 'system', uuid: undefined });
  });

  it('finds a supervised containerd at the socket of the state directory of today', () => {
    const moved = { ...SUPERVISED, address: '/old/own.sock' };
    expect(decide(moved, { ...EVERYTHING, hasRecords: true })).toEqual(SUPERVISED);
  });
});
