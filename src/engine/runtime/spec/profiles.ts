import { EngineError } from '../../errors.ts';
import type { HostFacts } from '../../host/index.ts';
import type { ContainerSecurity } from '../../types.ts';
import type { OciProcess } from './oci.ts';

/** What a container's security profiles add to its spec: the one place that decides about seccomp and AppArmor. */
export type ProfileParts = Pick<OciProcess, 'apparmorProfile'>;

const FIELD = 'config.linux.security_context';

/**
 * A privileged container has no profiles. A profile that cannot be had is an error, with one exception: AppArmor's
 * `runtime-default` is also what a request that says nothing means, so where AppArmor is off it means none.
 */
export function containerProfiles(
  { privileged, seccomp, apparmor }: Pick<ContainerSecurity, 'privileged' | 'seccomp' | 'apparmor'>,
  host: Pick<HostFacts, 'apparmor'>,
): ProfileParts {
  if (privileged) return {};
  if (seccomp.kind !== 'unconfined') {
    throw new EngineError(
      'unimplemented',
      `${FIELD}.seccomp: ${seccomp.kind} profiles are not supported; ask for Unconfined`,
    );
  }
  if (apparmor.kind !== 'localhost') return {};
  if (!host.apparmor) {
    throw new EngineError(
      'failed-precondition',
      `${FIELD}.apparmor: profile ${JSON.stringify(apparmor.ref)} cannot be used: AppArmor is off on this node`,
    );
  }
  return { apparmorProfile: apparmor.ref.replace(/^localhost\//, '') };
}
