import type { HostFacts } from '../../host/index.ts';
import type { NodeProfiles } from '../../security/profiles.ts';
import type { SelinuxLabels } from '../../security/selinux/index.ts';
import type { SandboxId } from '../../ids.ts';
import type { NamespacePaths, SandboxSpec } from '../../types/index.ts';
import { handedOn, podAnnotations, podSizeAnnotations, shimGroup } from './annotations.ts';
import type { AnnotationRules } from './annotations.ts';
import { capabilitySets } from './container-spec.ts';
import { denyAll } from './devices.ts';
import { idMappings } from './id-mappings.ts';
import { baseMounts } from './mounts.ts';
import { podNamespaces } from './namespaces.ts';
import { OCI_VERSION } from './oci.ts';
import type { OciSpec } from './oci.ts';
import { oomScoreAdj } from './oom-score.ts';
import { processProfiles } from './profiles.ts';
import { seccompInForce } from './seccomp-in-force.ts';
import type { SeccompRules } from './seccomp-in-force.ts';

export interface PauseSpecInput {
  readonly sandboxId: SandboxId;
  readonly spec: Pick<SandboxSpec, 'metadata' | 'annotations' | 'privileged' | 'security' | 'namespaces' | 'resources'>;
  readonly handler: AnnotationRules;
  readonly namespaces: NamespacePaths;
  /** As the OCI runtime takes it; see CgroupService.specPath. */
  readonly cgroupsPath: string;
  readonly host: Pick<HostFacts, 'process' | 'arch' | 'kernelVersion' | 'seccomp'>;
  readonly profiles: NodeProfiles;
  /** The CPUs that it runs on; absent: all that the pod may use. */
  readonly cpus?: string;
  /** Where SELinux is on. */
  readonly labels?: SelinuxLabels;
}

/** Where the root that the caller makes has our static program; beside it the empty folders `proc` and `dev`. */
export const PAUSE_PATH = '/pause';

/** A user that owns nothing, unless the pod names another. */
const NOBODY = 65_535;
/** With its PID 1 the whole pod dies: it goes last. */
const OOM_SCORE_ADJ = -998;
/** What the node gives to containers does not count: it makes no system call but to wait. */
const SECCOMP_RULES: SeccompRules = {
  defaults: { unsetSeccomp: 'unconfined', privilegedSeccompProfile: 'unconfined' },
  handler: {},
};

/** The OCI runtime spec of the process that holds a pod's shared PID namespace. Nothing but that: no capability, no device. */
export function pauseSpec(input: PauseSpecInput): OciSpec {
  const { sandboxId, spec, namespaces, cgroupsPath, host } = input;
  const profiles = processProfiles({
    ...input,
    ...spec.security,
    seccomp: seccompInForce({ ...spec.security, privileged: spec.privileged }, SECCOMP_RULES),
    privileged: spec.privileged,
    capabilities: [],
  });
  const { runAsUser, runAsGroup, supplementalGroups } = spec.security;
  const nobody = Math.min(NOBODY, (spec.namespaces.user?.length ?? Infinity) - 1);
  const uid = runAsUser ?? nobody;
  const gid = runAsGroup ?? (runAsUser === undefined ? nobody : 0);
  return {
    ociVersion: OCI_VERSION,
    process: {
      terminal: false,
      user: { uid, gid, additionalGids: [...new Set([gid, ...supplementalGroups])] },
      args: [PAUSE_PATH],
      env: [],
      cwd: '/',
      capabilities: capabilitySets([]),
      noNewPrivileges: true,
      oomScoreAdj: oomScoreAdj(OOM_SCORE_ADJ, host.process).value,
      ...profiles.process,
    },
    root: { path: 'rootfs', readonly: true },
    mounts: baseMounts(),
    annotations: {
      ...handedOn(input.handler, spec.annotations, {}),
      ...podAnnotations({ id: sandboxId, metadata: spec.metadata }, 'sandbox'),
      ...podSizeAnnotations(spec.resources),
      ...shimGroup({ id: sandboxId }),
    },
    linux: {
      cgroupsPath,
      namespaces: [{ type: 'pid' }, { type: 'mount' }, ...podNamespaces(namespaces)],
      ...idMappings(spec.namespaces.user),
      devices: [],
      resources: { devices: [denyAll()], ...(input.cpus === undefined ? {} : { cpu: { cpus: input.cpus } }) },
      maskedPaths: [],
      readonlyPaths: [],
      ...profiles.linux,
    },
  };
}
