import { EngineError } from '../../errors.ts';
import type { ContainerSecurity, NamespacePaths } from '../../types/index.ts';
import type { OciNamespace } from './oci.ts';

export interface NamespacesInput {
  readonly pid: ContainerSecurity['pid'];
  readonly paths: NamespacePaths;
  /** The process that holds the pod's PID namespace. */
  readonly pausePid: number | undefined;
  /** The first process of the container that `pid` targets. */
  readonly targetPid: number | undefined;
  /** A cgroup namespace of its own hides the node's tree. */
  readonly cgroup: boolean;
}

/** Namespaces of a container. The UTS namespace has its name already: the spec gives none. */
export function containerNamespaces(input: NamespacesInput): readonly OciNamespace[] {
  return [
    ...pidNamespace(input),
    { type: 'mount' },
    ...podNamespaces(input.paths),
    ...(input.cgroup ? [{ type: 'cgroup' } as const] : []),
  ];
}

/** The pinned namespaces of a pod; those that it shares with the node are not listed. */
export function podNamespaces({ network, ipc, uts, user }: NamespacePaths): readonly OciNamespace[] {
  return [
    ...(user === undefined ? [] : [{ type: 'user', path: user } as const]),
    ...(network === undefined ? [] : [{ type: 'network', path: network } as const]),
    ...(ipc === undefined ? [] : [{ type: 'ipc', path: ipc } as const]),
    ...(uts === undefined ? [] : [{ type: 'uts', path: uts } as const]),
  ];
}

function pidNamespace({ pid, pausePid, targetPid }: NamespacesInput): readonly OciNamespace[] {
  if (pid === 'node') return [];
  if (pid === 'container') return [{ type: 'pid' }];
  const holder = pid === 'pod' ? pausePid : targetPid;
  if (holder === undefined) throw missing(pid);
  return [{ type: 'pid', path: `/proc/${holder}/ns/pid` }];
}

function missing(pid: 'pod' | { readonly target: string }): EngineError {
  const field = 'config.linux.security_context.namespace_options';
  const message =
    pid === 'pod'
      ? `${field}.pid: the sandbox was made without a PID namespace of its own to share`
      : `${field}.target_id: container ${pid.target} does not run`;
  return new EngineError('failed-precondition', message);
}
