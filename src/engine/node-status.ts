import type { Containerd } from './containerd/index.ts';
import type { NetworkService } from './network/index.ts';
import type { Handlers } from './runtime/handlers.ts';
import type { RuntimeProbes } from './runtime-probes.ts';
import type { Condition, NodeStatus } from './types/index.ts';

export interface NodeStatusDeps {
  readonly containerd: Pick<Containerd, 'status'>;
  readonly network: Pick<NetworkService, 'status'>;
  readonly handlers: Pick<Handlers, 'all'>;
  readonly runtimes: Pick<RuntimeProbes, 'features'>;
  readonly isReady: () => boolean;
}

/** Status, from memory. The default handler is listed by its name and once more as ''. */
export function nodeStatus(deps: NodeStatusDeps): NodeStatus {
  const names = ['', ...deps.handlers.all.map((handler) => handler.name)];
  return {
    conditions: [runtimeCondition(deps), { type: 'NetworkReady', ...deps.network.status() }],
    handlers: names.map((name) => ({ name, ...deps.runtimes.features(name) })),
    supplementalGroupsPolicy: true,
    userNamespacesHostNetwork: deps.runtimes.features('').userNamespaces,
    mountOptions: true,
  };
}

function runtimeCondition({ containerd, isReady }: NodeStatusDeps): Condition {
  const { ready, reason, message } = containerd.status();
  if (!ready) return { type: 'RuntimeReady', ready, reason, message };
  if (!isReady()) {
    return { type: 'RuntimeReady', ready: false, reason: 'Restoring', message: 'davitd is finding its pods again' };
  }
  return { type: 'RuntimeReady', ready: true, reason: '', message: '' };
}
