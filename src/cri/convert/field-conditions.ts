import { NamespaceMode, SecurityProfile } from '../generated/cri.js';
import { isSet } from './field-rule.ts';
import type { RefuseWhen } from './field-rule.ts';

/** Conditions of fields of which only some values are refused; see fields.ts. */

const { ProfileType } = SecurityProfile;

export const isLocalhost: RefuseWhen = (value) => typeOf(value) === ProfileType.Localhost;
export const isOlderLocalhost: RefuseWhen = (value) => typeof value === 'string' && value.startsWith('localhost/');

/** True for a profile other than Unconfined, unless the container is privileged, which is unconfined by definition. */
export const isConfining: RefuseWhen = (value, parent) => parent['privileged'] !== true && typeConfines(value);

/** The older form says the same in a string, and counts only where the newer one is absent. */
export const isOlderConfining: RefuseWhen = (value, parent) =>
  parent['privileged'] !== true && !isMessage(parent['seccomp']) && isSet(value) && value !== 'unconfined';

/** As for containers, but most sandboxes have no process that a profile could apply to: those are not refused. */
export const isConfiningPause: RefuseWhen = (value, parent) => sharesPids(parent) && isConfining(value, parent);
export const isOlderConfiningPause: RefuseWhen = (value, parent) =>
  sharesPids(parent) && isOlderConfining(value, parent);

/** Mode NODE without mappings is what a pod without a user namespace has. */
export const isUserNamespace: RefuseWhen = (value) =>
  isMessage(value) && (value['mode'] !== NamespaceMode.NODE || isSet(value['uids']) || isSet(value['gids']));

function typeConfines(value: unknown): boolean {
  const type = typeOf(value);
  return type !== undefined && type !== ProfileType.Unconfined;
}

function typeOf(value: unknown): unknown {
  return isMessage(value) ? value['profileType'] : undefined;
}

function sharesPids(security: Readonly<Record<string, unknown>>): boolean {
  const options = security['namespaceOptions'];
  return !isMessage(options) || options['pid'] === NamespaceMode.POD;
}

function isMessage(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
