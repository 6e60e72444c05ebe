import type { NamespaceRequest } from '../runtime/namespaces/index.ts';
import type { SandboxSpec } from '../types/index.ts';

/** Which namespaces are the pod's own. A pod for Windows has a network and nothing else: its name is in its specs. */
export function ownNamespaces({
  namespaces,
  windows,
}: SandboxSpec): Pick<NamespaceRequest, 'network' | 'ipc' | 'uts' | 'user'> {
  const network = namespaces.network === 'pod';
  if (windows !== undefined) return { network, ipc: false, uts: false };
  const { user } = namespaces;
  return { network, ipc: namespaces.ipc === 'pod', uts: network, ...(user === undefined ? {} : { user }) };
}
