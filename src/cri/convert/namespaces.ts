import { invalidField } from '../../engine/index.ts';
import type { ContainerSecurity, IdMap, SandboxNamespaces } from '../../engine/index.ts';
import { NamespaceMode } from '../generated/cri.js';
import type { INamespaceOption, IUserNamespace, NamespaceOption, UserNamespace } from '../generated/cri.js';
import { sameIdMap, toUserNamespace } from './id-map.ts';

/** Absent options are all zero, which is POD: the pod shares its PIDs unless it asks for something else. */
export function toSandboxNamespaces(field: string, options: NamespaceOption | null): SandboxNamespaces {
  const namespaces = {
    network: toPodOrNode(`${field}.network`, options?.network),
    pid: toSandboxPid(`${field}.pid`, options?.pid),
    ipc: toPodOrNode(`${field}.ipc`, options?.ipc),
  };
  const user = toUserNamespace(`${field}.userns_options`, options?.usernsOptions ?? null);
  if (user === undefined) return namespaces;
  for (const kind of ['pid', 'ipc'] as const) {
    if (namespaces[kind] === 'node')
      throw invalidField(`${field}.${kind}`, 'is NODE, which a user namespace cannot own');
  }
  return { ...namespaces, user };
}

/**
 * What a container asks for, given what its pod has. Network and IPC are always the pod's, so that NODE is refused where
 * the pod has its own; POD for the PIDs means whatever the pod has.
 */
export function toContainerPid(
  field: string,
  options: NamespaceOption | null,
  sandbox: SandboxNamespaces,
): ContainerSecurity['pid'] {
  checkAsPod(`${field}.network`, options?.network, sandbox.network);
  checkAsPod(`${field}.ipc`, options?.ipc, sandbox.ipc);
  checkUser(`${field}.userns_options`, options?.usernsOptions ?? null, sandbox.user);
  const mode = options?.pid ?? NamespaceMode.POD;
  const target = options?.targetId ?? '';
  if (mode === NamespaceMode.TARGET) {
    if (target === '') throw invalidField(`${field}.target_id`, 'is required where pid is TARGET');
    return { target };
  }
  if (target !== '') throw invalidField(`${field}.target_id`, 'is only for pid TARGET');
  if (mode === NamespaceMode.POD) return sandbox.pid;
  if (mode === NamespaceMode.CONTAINER) return 'container';
  if (mode === NamespaceMode.NODE) return 'node';
  throw noSuchMode(`${field}.pid`, mode, 'POD, CONTAINER, NODE or TARGET');
}

export function fromSandboxNamespaces(namespaces: SandboxNamespaces): INamespaceOption {
  return {
    ...(namespaces.user === undefined ? {} : { usernsOptions: fromUserNamespace(namespaces.user) }),
    network: fromPodOrNode(namespaces.network),
    pid: namespaces.pid === 'container' ? NamespaceMode.CONTAINER : fromPodOrNode(namespaces.pid),
    ipc: fromPodOrNode(namespaces.ipc),
  };
}

function toPodOrNode(field: string, mode: NamespaceMode = NamespaceMode.POD): 'pod' | 'node' {
  if (mode === NamespaceMode.POD) return 'pod';
  if (mode === NamespaceMode.NODE) return 'node';
  throw noSuchMode(field, mode, 'POD or NODE');
}

function toSandboxPid(field: string, mode: NamespaceMode = NamespaceMode.POD): SandboxNamespaces['pid'] {
  if (mode === NamespaceMode.CONTAINER) return 'container';
  if (mode === NamespaceMode.POD || mode === NamespaceMode.NODE) return toPodOrNode(field, mode);
  throw noSuchMode(field, mode, 'POD, CONTAINER or NODE');
}

function checkAsPod(field: string, mode: NamespaceMode | undefined, sandbox: 'pod' | 'node'): void {
  if (toPodOrNode(field, mode) === 'node' && sandbox === 'pod') {
    throw invalidField(field, "is NODE, but the pod's sandbox has a namespace of its own; a container has its pod's");
  }
}

/** Absent is as a container that says nothing: it has its pod's. */
function checkUser(field: string, options: UserNamespace | null, sandbox: IdMap | undefined): void {
  if (options === null) return;
  const asked = toUserNamespace(field, options);
  if (sameIdMap(asked, sandbox)) return;
  throw invalidField(field, "differs from that of the pod's sandbox; a container has its pod's");
}

function fromUserNamespace({ hostId, length }: IdMap): IUserNamespace {
  const mapping = { hostId, containerId: 0, length };
  return { mode: NamespaceMode.POD, uids: [mapping], gids: [mapping] };
}

function fromPodOrNode(mode: 'pod' | 'node'): NamespaceMode {
  return mode === 'pod' ? NamespaceMode.POD : NamespaceMode.NODE;
}

function noSuchMode(field: string, mode: number, allowed: string): Error {
  const name: string | undefined = NamespaceMode[mode];
  return invalidField(field, `must be ${allowed}, got ${name ?? mode}`);
}
