import { withContext } from '../errors.ts';
import { within } from '../rollback.ts';
import type { SeccompChoice, SecurityProfile } from '../types/index.ts';
import type { AppArmorProfiles } from './apparmor/index.ts';
import { parseSeccompProfile, readProfileFile } from './seccomp/index.ts';
import type { SeccompFile } from './seccomp/index.ts';

/** What a process' profiles need of the node, looked up. */
export interface NodeProfiles {
  /** The profile that seccomp's Localhost names. */
  readonly seccompFile?: SeccompFile;
  /** The loaded profile that AppArmor is to apply; absent: none. */
  readonly apparmorProfile?: string;
}

/** The profiles of a container or a sandbox. */
export interface WantedProfiles {
  readonly seccomp: SeccompChoice;
  /** Who named it, for messages; absent: the request. */
  readonly seccompField?: string;
  readonly apparmor: SecurityProfile;
}

export interface SecurityProfiles {
  /**
   * Reads and checks what the profiles name; loads what has to be loaded. Throws an error that names the field for a
   * profile that cannot be had.
   */
  resolve(wanted: WantedProfiles, signal: AbortSignal): Promise<NodeProfiles>;
}

const FIELD = 'config.linux.security_context';

export function createSecurityProfiles(apparmor: AppArmorProfiles): SecurityProfiles {
  return {
    async resolve(wanted, signal) {
      const seccompFile = await seccompFileOf(wanted, signal);
      const apparmorProfile = await apparmor.resolve(wanted.apparmor, `${FIELD}.apparmor`, signal);
      return {
        ...(seccompFile === undefined ? {} : { seccompFile }),
        ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
      };
    },
  };
}

async function seccompFileOf(
  { seccomp: profile, seccompField = `${FIELD}.seccomp` }: WantedProfiles,
  signal: AbortSignal,
): Promise<SeccompFile | undefined> {
  if (profile.kind !== 'localhost') return undefined;
  try {
    return parseSeccompProfile(await within(signal, readProfileFile(profile.ref)), profile.ref);
  } catch (error) {
    throw withContext(error, seccompField);
  }
}
