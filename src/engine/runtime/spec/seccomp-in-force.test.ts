import { describe, expect, it } from 'vitest';
import type { SeccompChoice } from '../../types/index.ts';
import { seccompInForce } from './seccomp-in-force.ts';
import type { SeccompRules } from './seccomp-in-force.ts';

const UNSET: SeccompChoice = { kind: 'unset' };
const DEFAULT: SeccompChoice = { kind: 'runtime-default' };
const UNCONFINED: SeccompChoice = { kind: 'unconfined' };
const LOCAL: SeccompChoice = { kind: 'localhost', ref: '/local.json' };
const HANDLERS: SeccompChoice = { kind: 'localhost', ref: '/handler.json' };
const PRIVILEGED: SeccompChoice = { kind: 'localhost', ref: '/privileged.json' };

function inForce(seccomp: SeccompChoice, privileged: boolean, more: Partial<SeccompRules['defaults']>, path?: string) {
  const defaults = { unsetSeccomp: 'unconfined', privilegedSeccompProfile: 'unconfined', ...more } as const;
  const handler = path === undefined ? {} : { seccompProfile: path };
  return seccompInForce({ seccomp, privileged }, { defaults, handler }).profile;
}

describe('seccompInForce()', () => {
  it('is what the request names, and nothing where it names nothing', () => {
    for (const asked of [DEFAULT, UNCONFINED, LOCAL]) expect(inForce(asked, false, {})).toEqual(asked);
    expect(inForce(UNSET, false, {})).toEqual(UNCONFINED);
    expect(inForce(UNSET, false, { unsetSeccomp: 'runtime-default' })).toEqual(DEFAULT);
  });

  it("has a handler's profile stand for the default alone", () => {
    expect(inForce(DEFAULT, false, {}, '/handler.json')).toEqual(HANDLERS);
    expect(inForce(UNSET, false, { unsetSeccomp: 'runtime-default' }, '/handler.json')).toEqual(HANDLERS);
    expect(inForce(UNSET, false, {}, '/handler.json')).toEqual(UNCONFINED);
    expect(inForce(LOCAL, false, {}, '/handler.json')).toEqual(LOCAL);
    expect(inForce(UNCONFINED, false, {}, '/handler.json')).toEqual(UNCONFINED);
  });

  it('gives privileged containers what the node has for them, and no profile that they name', () => {
    for (const asked of [UNSET, DEFAULT]) {
      expect(inForce(asked, true, { unsetSeccomp: 'runtime-default' }, '/handler.json')).toEqual(UNCONFINED);
      expect(inForce(asked, true, { privilegedSeccompProfile: 'runtime-default' })).toEqual(DEFAULT);
      expect(inForce(asked, true, { privilegedSeccompProfile: 'runtime-default' }, '/handler.json')).toEqual(HANDLERS);
      expect(inForce(asked, true, { privilegedSeccompProfile: '/privileged.json' }, '/handler.json')).toEqual(
        PRIVILEGED,
      );
    }
    expect(inForce(UNCONFINED, true, { privilegedSeccompProfile: '/privileged.json' })).toEqual(UNCONFINED);
    expect(inForce(LOCAL, true, { privilegedSeccompProfile: '/privileged.json' })).toEqual(UNCONFINED);
  });
});
