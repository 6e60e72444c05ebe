import { footprint } from '../../soak/footprint.ts';
import type { Daemon } from './daemon.ts';
import { nodeEnv } from './node.ts';
import type { OwnNetwork } from './own-network.ts';

export interface Footed {
  readonly daemon: Pick<Daemon, 'dir' | 'state' | 'root'>;
  readonly network: OwnNetwork;
  /** containerd's namespace, the daemon's own. */
  readonly namespace: string;
  /** The parent of its pods' cgroups, the daemon's own. */
  readonly cgroupParent: string;
}

/** What one davitd's pods have in the kernel, in containerd and on disk; each line names one thing. */
export async function footprintOf({ daemon, network, namespace, cgroupParent }: Footed): Promise<readonly string[]> {
  const env = nodeEnv();
  return await footprint({
    state: daemon.state,
    root: daemon.root,
    mounts: daemon.dir,
    bridge: network.bridge,
    addresses: network.addresses,
    cgroupParent,
    containerd: { address: env['CONTAINERD_ADDRESS'] ?? '', namespace },
    env,
  });
}
