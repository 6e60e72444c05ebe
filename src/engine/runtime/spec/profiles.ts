import { EngineError } from '../../errors.ts';
import type { HostFacts } from '../../host/index.ts';
import type { NodeProfiles } from '../../security/profiles.ts';
import { defaultSeccompProfile, localhostSeccompProfile } from '../../security/seccomp/index.ts';
import type { OciSeccomp } from '../../security/seccomp/index.ts';
import type { SecurityProfile } from '../../types.ts';
import type { OciLinux, OciProcess } from './oci.ts';

export interface ProfilesInput {
  readonly seccomp: SecurityProfile;
  /** A privileged process has no profiles. */
  readonly privileged: boolean;
  /** The capabilities that the process is granted. */
  readonly capabilities: readonly string[];
  readonly host: Pick<HostFacts, 'arch' | 'kernelVersion' | 'seccomp'>;
  /** What the node has of the profiles asked for. */
  readonly profiles: NodeProfiles;
}

/** What security profiles add to a spec. */
export interface ProfileParts {
  readonly process: Pick<OciProcess, 'apparmorProfile'>;
  readonly linux: Pick<OciLinux, 'seccomp'>;
}

const FIELD = 'config.linux.security_context';

/** Throws failed-precondition for a filter that the kernel cannot apply. */
export function processProfiles(input: ProfilesInput): ProfileParts {
  if (input.privileged) return { process: {}, linux: {} };
  const { apparmorProfile } = input.profiles;
  const seccomp = seccompProfile(input);
  return {
    process: apparmorProfile === undefined ? {} : { apparmorProfile },
    linux: seccomp === undefined ? {} : { seccomp },
  };
}

function seccompProfile({ seccomp, capabilities, host, profiles }: ProfilesInput): OciSeccomp | undefined {
  if (seccomp.kind === 'unconfined') return undefined;
  if (!host.seccomp) {
    throw new EngineError(
      'failed-precondition',
      `${FIELD}.seccomp: ${seccomp.kind} cannot be had: this kernel has no filters of system calls; ask for Unconfined`,
    );
  }
  const subject = { capabilities, arch: host.arch, kernel: host.kernelVersion };
  if (seccomp.kind === 'runtime-default') return defaultSeccompProfile(subject);
  if (profiles.seccompFile !== undefined) return localhostSeccompProfile(profiles.seccompFile, subject);
  throw new EngineError('internal', `${FIELD}.seccomp: ${seccomp.ref} was not read before the spec was made`);
}
