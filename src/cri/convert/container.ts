import { invalidField } from '../../engine/index.ts';
import type { ContainerFilter, ContainerSpec, ImageRequest, SandboxSpec } from '../../engine/index.ts';
import { ContainerState, LinuxContainerResources } from '../generated/cri.js';
import type * as cri from '../generated/cri.js';
import { checkAbsolutePath, checkNoNul, checkPath, quote, required } from './checks.ts';
import { compact } from './compact.ts';
import { toImageName } from './image.ts';
import { toLogPath } from './log-path.ts';
import { copy, toAnnotations, toLabels } from './maps.ts';
import { toContainerMetadata } from './metadata.ts';
import { toDevice, toMount } from './mounts.ts';
import { toLinuxResources } from './resources.ts';
import { toContainerSecurity } from './security.ts';
import { toStopSignal } from './signals.ts';
import { toWindowsContainer, toWindowsDevice, toWindowsMount } from './windows.ts';

/** `sandbox` is the spec of the pod that the container goes into: what a container may ask for depends on it. */
export function toContainerSpec(request: cri.CreateContainerRequest, sandbox: SandboxSpec): ContainerSpec {
  const config = required('config', request.config);
  return compact({
    metadata: toContainerMetadata('config.metadata', config.metadata),
    image: toImageRequest('config.image', config.image),
    command: config.command.map((word, i) => checkNoNul(`config.command[${i}]`, word)),
    args: config.args.map((word, i) => checkNoNul(`config.args[${i}]`, word)),
    env: config.envs.map((env, i) => toEnv(`config.envs[${i}]`, env)),
    labels: toLabels('config.labels', config.labels),
    annotations: toAnnotations('config.annotations', config.annotations),
    logPath: toLogPath('config.log_path', config.logPath),
    stdin: config.stdin,
    stdinOnce: config.stdinOnce,
    tty: config.tty,
    stopSignal: toStopSignal('config.stop_signal', config.stopSignal),
    ...(sandbox.windows === undefined ? toLinuxPart(config, sandbox) : toWindowsPart(config, sandbox)),
  });
}

function toLinuxPart({ linux, workingDir, mounts, devices }: cri.ContainerConfig, sandbox: SandboxSpec) {
  return {
    workingDir: toWorkingDir('config.working_dir', workingDir),
    mounts: mounts.map((mount, i) => toMount(`config.mounts[${i}]`, mount, sandbox.namespaces.user)),
    devices: devices.map((device, i) => toDevice(`config.devices[${i}]`, device)),
    security: toContainerSecurity('config.linux.security_context', linux?.securityContext ?? null, sandbox),
    resources: toLinuxResources('config.linux.resources', linux?.resources ?? LinuxContainerResources.create()),
    windows: undefined,
  };
}

function toWindowsPart({ windows, workingDir, mounts, devices }: cri.ContainerConfig, sandbox: SandboxSpec) {
  return {
    workingDir: workingDir === '' ? undefined : checkPath('config.working_dir', workingDir),
    mounts: mounts.map((mount, i) => toWindowsMount(`config.mounts[${i}]`, mount)),
    devices: devices.map((device, i) => toWindowsDevice(`config.devices[${i}]`, device)),
    security: toContainerSecurity('config.linux.security_context', null, sandbox),
    resources: {},
    windows: toWindowsContainer('config.windows', windows),
  };
}

export function toContainerFilter(filter: cri.ContainerFilter | null): ContainerFilter {
  return compact({
    id: filter === null || filter.id === '' ? undefined : filter.id,
    sandboxId: filter === null || filter.podSandboxId === '' ? undefined : filter.podSandboxId,
    state: filter?.state ? toFilterState('filter.state.state', filter.state.state) : undefined,
    labels: copy(filter?.labelSelector ?? {}),
  });
}

function toImageRequest(field: string, image: cri.ImageSpec | null): ImageRequest {
  return compact({
    image: toImageName(field, image),
    userSpecified: image?.userSpecifiedImage ? image.userSpecifiedImage : undefined,
    annotations: toAnnotations(`${field}.annotations`, image?.annotations ?? {}),
  });
}

function toWorkingDir(field: string, path: string): string | undefined {
  return path === '' ? undefined : checkAbsolutePath(field, path);
}

function toEnv(field: string, env: cri.KeyValue): readonly [string, string] {
  if (env.key === '' || env.key.includes('=')) {
    throw invalidField(`${field}.key`, `is not the name of a variable: ${quote(env.key)}`);
  }
  return [checkNoNul(`${field}.key`, env.key), checkNoNul(`${field}.value`, toText(`${field}.value`, env.value))];
}

/** A process's environment may hold any bytes, but the runtime's specification is JSON, which may not. */
function toText(field: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalidField(field, 'is not UTF-8');
  }
}

function toFilterState(field: string, state: ContainerState): NonNullable<ContainerFilter['state']> {
  if (state === ContainerState.CONTAINER_CREATED) return 'created';
  if (state === ContainerState.CONTAINER_RUNNING) return 'running';
  if (state === ContainerState.CONTAINER_EXITED) return 'exited';
  if (state === ContainerState.CONTAINER_UNKNOWN) return 'unknown';
  throw invalidField(field, `there is no state ${String(state)}`);
}
