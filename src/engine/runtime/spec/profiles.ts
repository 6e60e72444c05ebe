import { EngineError } from '../../errors.ts';
import type { HostFacts } from '../../host/index.ts';
import type { NodeProfiles } from '../../security/profiles.ts';
import type { SelinuxLabels } from '../../security/selinux/index.ts';
import { defaultSeccompProfile, localhostSeccompProfile } from '../../security/seccomp/index.ts';
import type { OciSeccomp } from '../../security/seccomp/index.ts';
import type { OciLinux, OciProcess } from './oci.ts';
import type { SeccompInForce } from './seccomp-in-force.ts';

export interface ProfilesInput {
  readonly seccomp: SeccompInForce;
  /** A privileged process has no profile of AppArmor, and no label but that of its files. */
  readonly privileged: boolean;
  /** The capabilities that the process is granted. */
  readonly capabilities: readonly string[];
  readonly host: Pick<HostFacts, 'arch' | 'kernelVersion' | 'seccomp'>;
  /** What the node has of the profiles asked for. */
  readonly profiles: NodeProfiles;
  /** Where SELinux is on. */
  readonly labels?: SelinuxLabels;
}

/** What security profiles and labels add to a spec. */
export interface ProfileParts {
  readonly process: Pick<OciProcess, 'apparmorProfile' | 'selinuxLabel'>;
  readonly linux: Pick<OciLinux, 'seccomp' | 'mountLabel'>;
}

/** Throws failed-precondition for a filter that the kernel cannot apply. */
export function processProfiles(input: ProfilesInput): ProfileParts {
  const { labels, privileged } = input;
  const { apparmorProfile } = privileged ? {} : input.profiles;
  const seccomp = seccompProfile(input);
  return {
    process: {
      ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
      ...(labels?.process === undefined ? {} : { selinuxLabel: labels.process }),
    },
    linux: {
      ...(seccomp === undefined ? {} : { seccomp }),
      ...(labels === undefined ? {} : { mountLabel: labels.mount }),
    },
  };
}

function seccompProfile(input: ProfilesInput): OciSeccomp | undefined {
  const { capabilities, host, profiles } = input;
  const { profile: seccomp, field } = input.seccomp;
  if (seccomp.kind === 'unconfined') return undefined;
  if (!host.seccomp) {
    throw new EngineError(
      'failed-precondition',
      `${field}: ${seccomp.kind} cannot be had: this kernel has no filters of system calls; ask for Unconfined`,
    );
  }
  const subject = { capabilities, arch: host.arch, kernel: host.kernelVersion };
  if (seccomp.kind === 'runtime-default') return defaultSeccompProfile(subject);
  if (profiles.seccompFile !== undefined) return localhostSeccompProfile(profiles.seccompFile, subject);
  throw new EngineError('internal', `${field}: ${seccomp.ref} was not read before the spec was made`);
}
