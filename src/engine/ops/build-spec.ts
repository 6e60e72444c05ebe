import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { HandlerConfig } from '../engine-config.ts';
import { EngineError, invalidField, withContext } from '../errors.ts';
import { allHostDevices, devicesAt } from '../host/index.ts';
import { containerSpec, seccompInForce } from '../runtime/spec/index.ts';
import type { OciSpec, SpecDevice, SpecMount, SpecSandbox } from '../runtime/spec/index.ts';
import type { OciWindowsSpec } from '../runtime/spec/windows/index.ts';
import type { NodeProfiles, RelabelSource } from '../security/index.ts';
import type { ContainerRecord, SandboxRecord } from '../store/index.ts';
import type { ContainerSecurity, DeviceSpec, Image, MountSpec } from '../types/index.ts';
import { additionalDevices } from './additional-devices.ts';
import { annotatedDevices } from './annotated-devices.ts';
import type { ArtifactProfile } from './artifact-profile.ts';
import { buildWindowsSpec } from './build-windows-spec.ts';
import type { PreparedVolumes } from './container-volumes.ts';
import type { OpsDeps } from './deps.ts';
import { hostnameOf } from './hostname.ts';
import { resourceClasses } from './resource-classes.ts';
import { labelMounts, labelsOf } from './selinux.ts';

export type BuildSpecDeps = Pick<
  OpsDeps,
  | 'store'
  | 'handlers'
  | 'defaults'
  | 'host'
  | 'cgroups'
  | 'podFiles'
  | 'mountSources'
  | 'profiles'
  | 'labeller'
  | 'logger'
>;

const ZONES = '/usr/share/zoneinfo';

export interface SpecSubject {
  readonly record: ContainerRecord;
  readonly sandbox: SandboxRecord;
  readonly image: Image;
  readonly volumes: PreparedVolumes;
  /** Instead of what the fields say of seccomp. */
  readonly profile?: ArtifactProfile;
}

/** Looks up on the node what the request names (mounts, devices, profiles, a target), then makes the OCI spec. */
export async function buildContainerSpec(
  deps: BuildSpecDeps,
  { record, sandbox, image, volumes, profile }: SpecSubject,
  signal: AbortSignal,
): Promise<OciSpec | OciWindowsSpec> {
  const { spec } = record;
  if (spec.windows !== undefined) return buildWindowsSpec(deps, { record, sandbox, image }, spec.windows);
  const targetPid = targetPidOf(deps, record);
  const mounts = await resolveMounts(deps, spec.mounts, volumes, signal);
  const { config: handler, base } = deps.handlers.resolve(record.handlerName);
  const selinux = labelsOf(deps, sandbox, spec.security);
  const unlabelled = await labelMounts(deps, [...mounts, ...ownVolumes(volumes)], selinux.labels, signal);
  const { notices: missing, ...classes } = await resourceClasses(
    { classes: deps.defaults.classes, cgroup: deps.host.cgroup },
    { containerName: spec.metadata.name, container: spec.annotations, pod: sandbox.spec.annotations },
  );
  const { spec: oci, notices } = containerSpec({
    spec,
    image: { name: spec.image.userSpecified ?? spec.image.image, config: image.config },
    sandbox: specSandbox(deps, sandbox),
    user: record.user,
    host: deps.host,
    handler,
    ...(base === undefined ? {} : { base: base.spec }),
    defaults: deps.defaults.containers,
    ...(await localtimeOf(deps.defaults.containers.timezone)),
    cgroupsPath: deps.cgroups.specPath(sandbox.cgroupParent, record.id),
    mounts,
    volumes: volumes.declared,
    devices: await lookUpDevices(spec.devices),
    additionalDevices: [
      ...(await additionalDevices(deps.defaults.containers.additionalDevices)),
      ...(await annotatedDevices(sandbox.spec.annotations, handler, deps.defaults.containers)),
    ],
    hostDevices: spec.security.privileged && !handler.privilegedWithoutHostDevices ? await allHostDevices() : [],
    profiles: await nodeProfiles(deps, spec.security, { handler, profile }, signal),
    ...(profile === undefined ? {} : { artifactProfile: profile }),
    ...selinux,
    ...classes,
    ...(targetPid === undefined ? {} : { targetPid }),
  });
  const all = [...notices, ...unlabelled, ...missing];
  if (all.length > 0) deps.logger.warn({ container: record.id, notices: all }, 'given only in part on this node');
  return oci;
}

/** Read from the node, but for a profile that has come in an artifact. */
async function nodeProfiles(
  deps: BuildSpecDeps,
  security: ContainerSecurity,
  { handler, profile }: { readonly handler: HandlerConfig; readonly profile: ArtifactProfile | undefined },
  signal: AbortSignal,
): Promise<NodeProfiles> {
  const { apparmor } = security;
  if (profile !== undefined) {
    const found = await deps.profiles.resolve({ seccomp: { kind: 'unconfined' }, apparmor }, signal);
    return { ...found, seccompFile: profile.file };
  }
  const seccomp = seccompInForce(security, { defaults: deps.defaults.containers, handler });
  return await deps.profiles.resolve({ seccomp: seccomp.profile, seccompField: seccomp.field, apparmor }, signal);
}

/** What davit made for the container is always the container's. */
function ownVolumes({ declared }: PreparedVolumes): readonly RelabelSource[] {
  return declared.map(({ source }) => ({ spec: { selinuxRelabel: true }, source }));
}

async function resolveMounts(
  deps: BuildSpecDeps,
  mounts: readonly MountSpec[],
  { images }: PreparedVolumes,
  signal: AbortSignal,
): Promise<readonly SpecMount[]> {
  const resolved = await deps.mountSources.resolve(mounts, signal);
  return resolved.map(({ spec, source }, index) => ({ spec, source: images.get(index) ?? source }));
}

function specSandbox(deps: BuildSpecDeps, sandbox: SandboxRecord): SpecSandbox {
  const { id, spec, namespaces, pausePid } = sandbox;
  return {
    id,
    metadata: spec.metadata,
    annotations: spec.annotations,
    hostname: hostnameOf(sandbox),
    privileged: spec.privileged,
    namespaces,
    files: deps.podFiles.mountsOf(id, spec.namespaces),
    // Another pause process holds no PIDs that containers could share.
    ...(pausePid === undefined || spec.namespaces.pid !== 'pod' ? {} : { pausePid }),
    ...(spec.namespaces.user === undefined ? {} : { idMap: spec.namespaces.user }),
  };
}

/** The target must run, in the same pod. */
function targetPidOf(deps: BuildSpecDeps, record: ContainerRecord): number | undefined {
  const { pid } = record.spec.security;
  if (typeof pid === 'string') return undefined;
  const field = 'config.linux.security_context.namespace_options.target_id';
  const target = deps.store.containers.find(pid.target);
  if (target?.sandboxId !== record.sandboxId) throw invalidField(field, `no container ${pid.target} is in the pod`);
  if (target.state.phase === 'running') return target.state.pid;
  throw new EngineError(
    'failed-precondition',
    `${field}: container ${target.id} is ${target.state.phase}, not running`,
  );
}

/** The file of a time zone, without links: they would lead elsewhere in a container. */
async function localtimeOf(timezone: string | undefined): Promise<{ readonly localtime?: string }> {
  if (timezone === undefined) return {};
  try {
    return { localtime: await realpath(timezone === 'local' ? '/etc/localtime' : join(ZONES, timezone)) };
  } catch (error) {
    throw withContext(error, `containers.timezone: ${timezone} is no time zone of this node`);
  }
}

async function lookUpDevices(devices: readonly DeviceSpec[]): Promise<readonly SpecDevice[]> {
  const found = await Promise.all(
    devices.map(async ({ hostPath, containerPath, permissions }, index) => {
      try {
        return (await devicesAt(hostPath, containerPath)).map((device) => ({ device, permissions }));
      } catch (error) {
        throw withContext(error, `config.devices[${index}].host_path`);
      }
    }),
  );
  return found.flat();
}
