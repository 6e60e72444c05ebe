import { invalidField } from '../../errors.ts';
import type { ContainerDefaults, HandlerConfig } from '../../engine-config.ts';
import type { HostDevice, HostFacts } from '../../host/index.ts';
import { grantCapabilities } from '../../security/capabilities.ts';
import type { CapabilityGrant } from '../../security/capabilities.ts';
import type { NodeProfiles } from '../../security/profiles.ts';
import type { SelinuxLabels } from '../../security/selinux/index.ts';
import type { ContainerSecurity, ContainerSpec, ContainerUser, IdMap, NamespacePaths } from '../../types/index.ts';
import type { BaseSpec } from '../base-spec/index.ts';
import { containerAnnotations, handedOn, shimGroup } from './annotations.ts';
import type { AnnotationRules, SpecPod } from './annotations.ts';
import { baseDevices, baseHooks, baseLinux, resourcesWith, rlimitsWith } from './base-parts.ts';
import { containerDevices } from './devices.ts';
import type { SpecDevice } from './devices.ts';
import { idMappings } from './id-mappings.ts';
import { containerMounts } from './mounts.ts';
import type { SpecMount, SpecPodFiles, SpecVolume } from './mounts.ts';
import { containerNamespaces } from './namespaces.ts';
import { OCI_VERSION } from './oci.ts';
import type { OciBlockio, OciCapabilities, OciLinux, OciProcess, OciSpec, OciUser } from './oci.ts';
import { oomScoreAdj } from './oom-score.ts';
import { ownAnnotation, UMASK } from './own-annotations.ts';
import type { AnnotationInForce } from './own-annotations.ts';
import { processArgs, processCwd, processEnv } from './process.ts';
import type { SpecImage } from './process.ts';
import { processProfiles } from './profiles.ts';
import type { ProfileParts } from './profiles.ts';
import { ociResources } from './resources.ts';
import { seccompInForce } from './seccomp-in-force.ts';

/** The pod a container is made in. */
export interface SpecSandbox extends SpecPod {
  /** The name its UTS namespace has. */
  readonly hostname: string;
  readonly privileged: boolean;
  readonly namespaces: NamespacePaths;
  readonly pausePid?: number;
  /** Of its user namespace; absent: it has the node's. */
  readonly idMap?: IdMap;
  readonly files: SpecPodFiles;
}

/** What of a handler counts for the spec. */
export type SpecHandler = AnnotationRules &
  Pick<HandlerConfig, 'privilegedWithoutHostDevices' | 'cgroupWritable' | 'seccompProfile'>;

export interface ContainerSpecInput {
  readonly spec: ContainerSpec;
  readonly image: SpecImage;
  readonly sandbox: SpecSandbox;
  readonly user: ContainerUser;
  readonly host: HostFacts;
  readonly handler: SpecHandler;
  /** What the handler's own file adds. What davit sets counts before it. */
  readonly base?: BaseSpec;
  readonly defaults: Pick<
    ContainerDefaults,
    | 'env'
    | 'ulimits'
    | 'umask'
    | 'deviceOwnership'
    | 'unsetSeccomp'
    | 'privilegedSeccompProfile'
    | 'defaultCapabilities'
    | 'inheritableCapabilities'
  >;
  /** The node's file for /etc/localtime. */
  readonly localtime?: string;
  /** As the OCI runtime takes it; see CgroupService.specPath. */
  readonly cgroupsPath: string;
  /** The request's mounts, resolved, in its order. */
  readonly mounts: readonly SpecMount[];
  /** Volumes that the image declares and that no mount of the request takes the place of. */
  readonly volumes: readonly SpecVolume[];
  /** The request's devices, looked up; a folder of devices is one entry for each. */
  readonly devices: readonly SpecDevice[];
  /** What the node gives to every container, looked up likewise. */
  readonly additionalDevices: readonly SpecDevice[];
  /** All of the host's devices; asked for only when the container is privileged. */
  readonly hostDevices: readonly HostDevice[];
  /** Of its class of disk I/O. */
  readonly blockio?: OciBlockio;
  /** Of its class of caches and memory bandwidth. */
  readonly rdtGroup?: string;
  readonly profiles: NodeProfiles;
  /** The annotation that names the seccomp profile in `profiles`. */
  readonly artifactProfile?: AnnotationInForce;
  /** Where SELinux is on. */
  readonly labels?: SelinuxLabels;
  /** First process of the container whose PID namespace is to be joined. */
  readonly targetPid?: number;
}

/** `notices`: what was asked for and is given in part or not at all on this node; one warning for the operator. */
export interface ContainerSpecResult {
  readonly spec: OciSpec;
  readonly notices: readonly string[];
}

const MODE = /^0?[0-7]{3}$/;

/**
 * The OCI runtime spec of a container. Pure: no array or object of the input, and none that two specs share, is in the
 * result. Throws invalid-argument naming the field for a request that makes no sense.
 */
export function containerSpec(input: ContainerSpecInput): ContainerSpecResult {
  const { spec, image, sandbox, host } = input;
  const { security } = spec;
  if (security.privileged && !sandbox.privileged)
    throw invalidField('config.linux.security_context.privileged', 'the sandbox is not privileged');
  const mounts = containerMounts({
    mounts: input.mounts,
    volumes: input.volumes,
    ...(input.base === undefined ? {} : { base: input.base.mounts }),
    podFiles: sandbox.files,
    readonlyRootfs: security.readonlyRootfs,
    privileged: security.privileged,
    cgroupWritable: input.handler.cgroupWritable,
    nodeNetwork: sandbox.namespaces.network === undefined,
    ...(input.localtime === undefined ? {} : { localtime: input.localtime }),
    ...(sandbox.idMap === undefined ? {} : { idMap: sandbox.idMap }),
  });
  const granted = grantCapabilities(
    {
      privileged: security.privileged,
      base: input.defaults.defaultCapabilities,
      add: security.addCapabilities,
      drop: security.dropCapabilities,
      addAmbient: security.addAmbientCapabilities,
    },
    host.process.boundingCapabilities,
  );
  const profiles = processProfiles({
    ...input,
    ...security,
    seccomp: seccompInForce(security, input),
    capabilities: granted.names,
  });
  const process = containerProcess(input, granted, profiles);
  const linux = containerLinux(input, profiles);
  return {
    spec: {
      ociVersion: OCI_VERSION,
      process: process.part,
      root: { path: 'rootfs', readonly: security.readonlyRootfs },
      mounts: mounts.mounts,
      annotations: {
        ...input.base?.annotations,
        ...handedOn(input.handler, sandbox.annotations, spec.annotations),
        ...containerAnnotations(sandbox, spec.metadata.name, image.name),
        ...shimGroup(sandbox),
      },
      ...baseHooks(input.base),
      linux: { ...linux.part, ...mounts.root },
    },
    notices: [...process.notices, ...mounts.notices, ...withheldNotice(granted), ...linux.notices],
  };
}

/** The same capabilities in the sets that every container has; ambient ones in the rest, too. */
export function capabilitySets(names: readonly string[], ambient: readonly string[] = []): OciCapabilities {
  return {
    bounding: [...names],
    effective: [...names],
    permitted: [...names],
    ...(ambient.length === 0 ? {} : { inheritable: [...ambient], ambient: [...ambient] }),
  };
}

interface Part<T> {
  readonly part: T;
  readonly notices: readonly string[];
}

function containerProcess(
  input: ContainerSpecInput,
  granted: CapabilityGrant,
  profiles: ProfileParts,
): Part<OciProcess> {
  const { spec, image, sandbox, host, defaults } = input;
  const env = processEnv(spec, image, sandbox.hostname, [...(input.base?.env ?? []), ...defaults.env]);
  // Without a value of its own a container would inherit the shim's, which is well protected.
  const oom = oomScoreAdj(spec.resources.oomScoreAdj ?? 0, host.process);
  return {
    part: {
      ...structuredClone(input.base?.process),
      terminal: spec.tty,
      user: ociUser(input),
      ...rlimitsWith(input.base, defaults.ulimits),
      args: processArgs(spec, image),
      env: env.env,
      cwd: processCwd(spec, image),
      capabilities: { ...capabilitySets(granted.names, granted.ambient), ...inheritable(granted, defaults) },
      noNewPrivileges: spec.security.noNewPrivs,
      oomScoreAdj: oom.value,
      ...profiles.process,
    },
    notices: [...env.notices, ...oom.notices],
  };
}

/** Also without ambient ones, where the node wants it so. */
function inheritable(
  { names }: CapabilityGrant,
  { inheritableCapabilities }: ContainerSpecInput['defaults'],
): Pick<OciCapabilities, 'inheritable'> {
  return inheritableCapabilities ? { inheritable: [...names] } : {};
}

function ociUser(input: ContainerSpecInput): OciUser {
  const { uid, gid, supplementalGroups } = input.user;
  const text = umaskOf(input);
  const umask = text === undefined ? input.base?.umask : Number.parseInt(text, 8);
  return {
    uid,
    gid,
    additionalGids: [...supplementalGroups],
    ...(umask === undefined ? {} : { umask }),
  };
}

function umaskOf({ spec, sandbox, handler, defaults }: ContainerSpecInput): string | undefined {
  const { annotations: pod } = sandbox;
  const asked = ownAnnotation(UMASK, {
    handler,
    pod,
    container: spec.annotations,
    name: spec.metadata.name,
  });
  if (asked === undefined) return defaults.umask;
  if (MODE.test(asked.value)) return asked.value;
  throw invalidField(
    `annotation ${asked.annotation}`,
    `must be three octal digits like 027, got ${JSON.stringify(asked.value)}`,
  );
}

/** The device as a node of the user and group that the request names. */
function owned({ device, permissions }: SpecDevice, { runAsUser, runAsGroup }: ContainerSecurity): SpecDevice {
  return { device: { ...device, uid: runAsUser ?? device.uid, gid: runAsGroup ?? device.gid }, permissions };
}

function containerLinux(input: ContainerSpecInput, profiles: ProfileParts): Part<OciLinux> {
  const { spec, sandbox, host } = input;
  const { security } = spec;
  const devices = containerDevices({
    devices: input.defaults.deviceOwnership ? input.devices.map((device) => owned(device, security)) : input.devices,
    additional: [...baseDevices(input.base, input.additionalDevices), ...input.additionalDevices],
    hostDevices: input.hostDevices,
    privileged: security.privileged && !input.handler.privilegedWithoutHostDevices,
  });
  const limits = ociResources(spec.resources, host);
  return {
    part: {
      ...baseLinux(input.base),
      cgroupsPath: input.cgroupsPath,
      namespaces: containerNamespaces({
        pid: security.pid,
        paths: sandbox.namespaces,
        pausePid: sandbox.pausePid,
        targetPid: input.targetPid,
        cgroup: host.cgroup.mode === 'v2' && !security.privileged,
      }),
      ...idMappings(sandbox.idMap),
      devices: devices.devices,
      resources: {
        devices: devices.rules,
        ...resourcesWith(input.base, limits.resources, host),
        ...(input.blockio === undefined ? {} : { blockIO: input.blockio }),
      },
      ...(input.rdtGroup === undefined ? {} : { intelRdt: { closID: input.rdtGroup } }),
      ...hiddenPaths(security),
      ...profiles.linux,
    },
    notices: limits.notices,
  };
}

/**
 * Exactly the lists of the request. An empty one hides nothing: that is how Kubernetes asks for an unmasked /proc, and on
 * the wire an empty list and an absent one are the same.
 */
function hiddenPaths(security: ContainerSecurity): Pick<OciLinux, 'maskedPaths' | 'readonlyPaths'> {
  if (security.privileged) return { maskedPaths: [], readonlyPaths: [] };
  return { maskedPaths: [...security.maskedPaths], readonlyPaths: [...security.readonlyPaths] };
}

function withheldNotice({ withheld }: CapabilityGrant): readonly string[] {
  return withheld.length === 0
    ? []
    : [`capabilities that davit does not have itself are left out: ${withheld.join(', ')}`];
}
