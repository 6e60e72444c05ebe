import { invalidField } from '../../engine/index.ts';
import type { SecurityProfile } from '../../engine/index.ts';
import { SecurityProfile as ProfileMessage } from '../generated/cri.js';
import { checkLine, quote } from './checks.ts';

const { ProfileType } = ProfileMessage;

/** A seccomp or AppArmor profile; where there is no message, the older form of the field, a string, is read. */
export function toProfile(field: string, profile: ProfileMessage | null, older: OlderProfile): SecurityProfile {
  if (profile === null) return fromOlderForm(older);
  if (profile.profileType === ProfileType.RuntimeDefault) return { kind: 'runtime-default' };
  if (profile.profileType === ProfileType.Unconfined) return { kind: 'unconfined' };
  if (profile.profileType !== ProfileType.Localhost) {
    throw invalidField(`${field}.profile_type`, `there is no profile type ${String(profile.profileType)}`);
  }
  if (profile.localhostRef === '') throw invalidField(`${field}.localhost_ref`, 'is required for a Localhost profile');
  return { kind: 'localhost', ref: checkLine(`${field}.localhost_ref`, profile.localhostRef) };
}

/** The deprecated field and what stands in it. */
export interface OlderProfile {
  readonly field: string;
  readonly value: string;
}

const LOCALHOST = 'localhost/';

function fromOlderForm({ field, value }: OlderProfile): SecurityProfile {
  if (value === '' || value === 'unconfined') return { kind: 'unconfined' };
  if (value === 'runtime/default') return { kind: 'runtime-default' };
  if (value.startsWith(LOCALHOST) && value !== LOCALHOST) {
    return { kind: 'localhost', ref: checkLine(field, value.slice(LOCALHOST.length)) };
  }
  throw invalidField(field, `must be runtime/default, unconfined or localhost/PROFILE, got ${quote(value)}`);
}
