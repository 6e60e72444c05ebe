import { NamespaceMode } from '../generated/cri.js';
import { isSet } from './field-rule.ts';
import type { RefuseWhen } from './field-rule.ts';

/** Conditions of fields of which only some values are refused; see fields.ts. */

/** Mode NODE without mappings is what a pod without a user namespace has. */
export const isUserNamespace: RefuseWhen = (value) =>
  isMessage(value) && (value['mode'] !== NamespaceMode.NODE || isSet(value['uids']) || isSet(value['gids']));

function isMessage(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
