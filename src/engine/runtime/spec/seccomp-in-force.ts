import type { ContainerDefaults, HandlerConfig } from '../../engine-config.ts';
import type { ContainerSecurity, SecurityProfile } from '../../types/index.ts';
import type { AnnotationInForce } from './own-annotations.ts';

/** The filter that a process gets, and who asked for it. */
export interface SeccompInForce {
  readonly profile: SecurityProfile;
  /** The field of the request or the key of the configuration, for messages. */
  readonly field: string;
}

export interface SeccompRules {
  readonly defaults: Pick<ContainerDefaults, 'unsetSeccomp' | 'privilegedSeccompProfile'>;
  readonly handler: Pick<HandlerConfig, 'seccompProfile'>;
  /** The annotation that names a profile by its artifact, where there is one. */
  readonly artifactProfile?: AnnotationInForce;
}

const FIELD = 'config.linux.security_context.seccomp';
const UNCONFINED: SecurityProfile = { kind: 'unconfined' };

/**
 * Whether an annotation may name the profile: the fields of the request ask for none. The kubelet writes unconfined for
 * those that say nothing.
 */
export function takesArtifactProfile({
  seccomp,
  privileged,
}: Pick<ContainerSecurity, 'seccomp' | 'privileged'>): boolean {
  return !privileged && (seccomp.kind === 'unset' || seccomp.kind === 'unconfined');
}

/**
 * What the request asks for, with what the node has it mean: unset, the default of a handler, the default of privileged
 * containers. These have no profile that the request names: it would be one for less than all rights.
 */
export function seccompInForce(
  security: Pick<ContainerSecurity, 'seccomp' | 'privileged'>,
  { defaults, handler, artifactProfile }: SeccompRules,
): SeccompInForce {
  const { seccomp, privileged } = security;
  if (artifactProfile !== undefined && takesArtifactProfile(security)) {
    const { annotation, value } = artifactProfile;
    return { profile: { kind: 'localhost', ref: value }, field: `annotation ${annotation}` };
  }
  const byDefault = seccomp.kind === 'unset' || seccomp.kind === 'runtime-default';
  if (privileged) return byDefault ? ofPrivileged(defaults, handler) : { profile: UNCONFINED, field: FIELD };
  const profile = seccomp.kind === 'unset' ? { kind: defaults.unsetSeccomp } : seccomp;
  return profile.kind === 'runtime-default' ? runtimeDefault(handler, FIELD) : { profile, field: FIELD };
}

function ofPrivileged(
  { privilegedSeccompProfile: chosen }: SeccompRules['defaults'],
  handler: SeccompRules['handler'],
): SeccompInForce {
  const field = 'containers.privileged_seccomp_profile';
  if (chosen === 'runtime-default') return runtimeDefault(handler, field);
  return { profile: chosen === 'unconfined' ? UNCONFINED : { kind: 'localhost', ref: chosen }, field };
}

function runtimeDefault({ seccompProfile }: SeccompRules['handler'], field: string): SeccompInForce {
  if (seccompProfile === undefined) return { profile: { kind: 'runtime-default' }, field };
  return { profile: { kind: 'localhost', ref: seccompProfile }, field: "the handler's seccomp_profile" };
}
