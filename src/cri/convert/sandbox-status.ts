import type { Sandbox } from '../../engine/index.ts';
import type { IPodSandbox, IPodSandboxNetworkStatus, IPodSandboxStatus } from '../generated/cri.js';
import { fromSandboxNamespaces } from './namespaces.ts';
import { toLong } from './numbers.ts';
import { fromSandboxState } from './sandbox.ts';

/** A sandbox as lists show it. */
export function fromSandbox(sandbox: Sandbox): IPodSandbox {
  const { spec } = sandbox;
  return {
    id: sandbox.id,
    metadata: spec.metadata,
    state: fromSandboxState(sandbox.state),
    createdAt: toLong(sandbox.createdAt),
    labels: spec.labels,
    annotations: spec.annotations,
    runtimeHandler: spec.handler,
  };
}

export function fromSandboxStatus(sandbox: Sandbox): IPodSandboxStatus {
  return {
    ...fromSandbox(sandbox),
    network: fromNetwork(sandbox),
    ...(sandbox.spec.windows === undefined
      ? { linux: { namespaces: { options: fromSandboxNamespaces(sandbox.spec.namespaces) } } }
      : {}),
  };
}

/** Absent for a pod on the node's network: an empty address would make the kubelet start the pod anew. */
function fromNetwork(sandbox: Sandbox): IPodSandboxNetworkStatus | null {
  const [ip, ...others] = sandbox.network?.ips ?? [];
  return ip === undefined ? null : { ip, additionalIps: others.map((other) => ({ ip: other })) };
}
