import { invalidField } from '../../engine/index.ts';
import type { SeccompChoice, SecurityProfile } from '../../engine/index.ts';
import { SecurityProfile as ProfileMessage } from '../generated/cri.js';
import { checkAbsolutePath, checkLine, quote } from './checks.ts';

const { ProfileType } = ProfileMessage;

/** The deprecated field and what stands in it. */
export interface OlderProfile {
  readonly field: string;
  readonly value: string;
}

const UNCONFINED: SecurityProfile = { kind: 'unconfined' };
const RUNTIME_DEFAULT: SecurityProfile = { kind: 'runtime-default' };
const LOCALHOST = 'localhost/';

/** A seccomp profile; where there is no message, the older form, a string, is read. Neither of them: unset. */
export function toSeccomp(field: string, profile: ProfileMessage | null, older: OlderProfile): SeccompChoice {
  return isUnset(profile, older) ? { kind: 'unset' } : toProfile(field, profile, older, checkAbsolutePath);
}

/** As for seccomp, but neither of them is the runtime's default. */
export function toAppArmor(field: string, profile: ProfileMessage | null, older: OlderProfile): SecurityProfile {
  return isUnset(profile, older) ? RUNTIME_DEFAULT : toProfile(field, profile, older, checkLine);
}

function isUnset(profile: ProfileMessage | null, older: OlderProfile): boolean {
  return profile === null && older.value === '';
}

type CheckRef = (field: string, ref: string) => string;

function toProfile(
  field: string,
  profile: ProfileMessage | null,
  older: OlderProfile,
  checkRef: CheckRef,
): SecurityProfile {
  if (profile === null) return fromOlderForm(older, checkRef);
  const { profileType, localhostRef } = profile;
  const refField = `${field}.localhost_ref`;
  if (profileType === ProfileType.Localhost) {
    if (localhostRef === '') throw invalidField(refField, 'is required for a Localhost profile');
    return toLocalhost(refField, withoutPrefix(localhostRef), checkRef);
  }
  if (localhostRef !== '') throw invalidField(refField, 'may be set for a Localhost profile only');
  if (profileType === ProfileType.RuntimeDefault) return RUNTIME_DEFAULT;
  if (profileType === ProfileType.Unconfined) return UNCONFINED;
  throw invalidField(`${field}.profile_type`, `there is no profile type ${String(profileType)}`);
}

function fromOlderForm({ field, value }: OlderProfile, checkRef: CheckRef): SecurityProfile {
  if (value === 'unconfined') return UNCONFINED;
  if (value === 'runtime/default') return RUNTIME_DEFAULT;
  if (value.startsWith(LOCALHOST) && value !== LOCALHOST) return toLocalhost(field, withoutPrefix(value), checkRef);
  throw invalidField(field, `must be runtime/default, unconfined or localhost/PROFILE, got ${quote(value)}`);
}

/** Clients of both forms have put the older one's prefix into the newer one. */
function withoutPrefix(ref: string): string {
  return ref.startsWith(LOCALHOST) ? ref.slice(LOCALHOST.length) : ref;
}

function toLocalhost(field: string, ref: string, checkRef: CheckRef): SecurityProfile {
  return { kind: 'localhost', ref: checkLine(field, checkRef(field, ref)) };
}
