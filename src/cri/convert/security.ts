import { invalidField } from '../../engine/index.ts';
import type { ContainerSecurity, SandboxSecurity, SandboxSpec, SecurityProfile } from '../../engine/index.ts';
import {
  LinuxContainerSecurityContext,
  LinuxSandboxSecurityContext,
  SupplementalGroupsPolicy,
} from '../generated/cri.js';
import { checkAbsolutePath, checkLine, quote } from './checks.ts';
import { compact } from './compact.ts';
import { toContainerPid } from './namespaces.ts';
import { toOptionalUserId, toUserId } from './numbers.ts';
import { toAppArmor, toSeccomp } from './profiles.ts';
import { toSelinux } from './selinux.ts';

const CAPABILITY = /^[A-Za-z0-9_]+$/;

export function toSandboxSecurity(field: string, given: LinuxSandboxSecurityContext | null): SandboxSecurity {
  const message = given ?? LinuxSandboxSecurityContext.create();
  if (message.runAsGroup !== null && message.runAsUser === null) {
    throw invalidField(`${field}.run_as_group`, 'needs run_as_user');
  }
  return compact({
    runAsUser: toOptionalUserId(`${field}.run_as_user`, message.runAsUser),
    runAsGroup: toOptionalUserId(`${field}.run_as_group`, message.runAsGroup),
    supplementalGroups: message.supplementalGroups.map((id, i) => toUserId(`${field}.supplemental_groups[${i}]`, id)),
    readonlyRootfs: message.readonlyRootfs,
    ...toProfiles(field, {
      privileged: message.privileged,
      seccomp: message.seccomp,
      seccompProfilePath: message.seccompProfilePath,
      apparmor: message.apparmor,
      apparmorProfile: '',
    }),
    ...toSelinux(`${field}.selinux_options`, message.selinuxOptions),
  });
}

/** Absent is as empty: no restriction beyond the default capabilities. */
export function toContainerSecurity(
  field: string,
  given: LinuxContainerSecurityContext | null,
  sandbox: SandboxSpec,
): ContainerSecurity {
  const message = given ?? LinuxContainerSecurityContext.create();
  if (message.privileged && !sandbox.privileged) {
    throw invalidField(`${field}.privileged`, "the pod's sandbox was made for containers without privileges");
  }
  return compact({
    privileged: message.privileged,
    addCapabilities: toCapabilities(`${field}.capabilities.add_capabilities`, message.capabilities?.addCapabilities),
    dropCapabilities: toCapabilities(`${field}.capabilities.drop_capabilities`, message.capabilities?.dropCapabilities),
    addAmbientCapabilities: toCapabilities(
      `${field}.capabilities.add_ambient_capabilities`,
      message.capabilities?.addAmbientCapabilities,
    ),
    pid: toContainerPid(`${field}.namespace_options`, message.namespaceOptions, sandbox.namespaces),
    ...toContainerUser(field, message),
    supplementalGroups: message.supplementalGroups.map((id, i) => toUserId(`${field}.supplemental_groups[${i}]`, id)),
    supplementalGroupsPolicy: toGroupsPolicy(`${field}.supplemental_groups_policy`, message.supplementalGroupsPolicy),
    readonlyRootfs: message.readonlyRootfs,
    noNewPrivs: message.noNewPrivs,
    maskedPaths: message.maskedPaths.map((path, i) => checkAbsolutePath(`${field}.masked_paths[${i}]`, path)),
    readonlyPaths: message.readonlyPaths.map((path, i) => checkAbsolutePath(`${field}.readonly_paths[${i}]`, path)),
    ...toProfiles(field, message),
    ...toSelinux(`${field}.selinux_options`, message.selinuxOptions),
  });
}

const UNCONFINED: SecurityProfile = { kind: 'unconfined' };

type Profiles = Pick<ContainerSecurity, 'seccomp' | 'apparmor'>;

/** What containers and sandboxes have in common, but for AppArmor's older form, which sandboxes never had. */
type ProfileFields = Pick<
  LinuxContainerSecurityContext,
  'privileged' | 'seccomp' | 'seccompProfilePath' | 'apparmor' | 'apparmorProfile'
>;

function toProfiles(field: string, message: ProfileFields): Profiles {
  const seccomp = toSeccomp(`${field}.seccomp`, message.seccomp, {
    field: `${field}.seccomp_profile_path`,
    value: message.seccompProfilePath,
  });
  // What privileged means, whatever profiles stand beside it; but the node has a say in what is the default then.
  if (message.privileged) return { seccomp: seccomp.kind === 'localhost' ? UNCONFINED : seccomp, apparmor: UNCONFINED };
  return {
    seccomp,
    apparmor: toAppArmor(`${field}.apparmor`, message.apparmor, {
      field: `${field}.apparmor_profile`,
      value: message.apparmorProfile,
    }),
  };
}

function toContainerUser(field: string, message: LinuxContainerSecurityContext) {
  const { runAsUser, runAsGroup, runAsUsername } = message;
  if (runAsUser !== null && runAsUsername !== '') {
    throw invalidField(`${field}.run_as_username`, 'only one of run_as_user and run_as_username may be set');
  }
  if (runAsGroup !== null && runAsUser === null && runAsUsername === '') {
    throw invalidField(`${field}.run_as_group`, 'needs run_as_user or run_as_username');
  }
  return {
    runAsUser: toOptionalUserId(`${field}.run_as_user`, runAsUser),
    runAsGroup: toOptionalUserId(`${field}.run_as_group`, runAsGroup),
    runAsUsername: runAsUsername === '' ? undefined : checkUsername(`${field}.run_as_username`, runAsUsername),
  };
}

/** A name is looked up in the image's /etc/passwd, whose fields a colon ends. */
function checkUsername(field: string, name: string): string {
  if (name.includes(':')) throw invalidField(field, `is not the name of a user: ${quote(name)}`);
  return checkLine(field, name);
}

function toCapabilities(field: string, names: readonly string[] = []): readonly string[] {
  for (const [index, name] of names.entries()) {
    if (!CAPABILITY.test(name)) throw invalidField(`${field}[${index}]`, `is not a capability: ${quote(name)}`);
  }
  return [...names];
}

function toGroupsPolicy(field: string, policy: SupplementalGroupsPolicy): 'merge' | 'strict' {
  if (policy === SupplementalGroupsPolicy.Merge) return 'merge';
  if (policy === SupplementalGroupsPolicy.Strict) return 'strict';
  throw invalidField(field, `there is no policy ${String(policy)}`);
}
