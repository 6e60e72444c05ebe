import { footprint, footprintIn } from '../../soak/footprint.ts';
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
    mounts: [daemon.dir],
    bridge: network.bridge,
    addresses: network.addresses,
    cgroupParent,
    containerd: { address: env['CONTAINERD_ADDRESS'] ?? '', namespace },
    env,
  });
}

/**
 * What the node's davitd and containerd have of pods. Cgroups and the built-in network are shared with other nodes of the
 * machine: what there is of a pod is found by its id, see `tracesOf` and `networkTracesOf`.
 */
export async function nodeFootprint(): Promise<readonly string[]> {
  const env = nodeEnv();
  const [run, lib] = [`/run/davit-${env['DAVIT_NODE']}`, `/var/lib/davit-${env['DAVIT_NODE']}`];
  return await footprintIn({
    state: `${run}/davit`,
    root: `${lib}/davit`,
    mounts: [run, lib],
    containerd: { address: env['CONTAINERD_ADDRESS'] ?? '', namespace: env['CONTAINERD_NAMESPACE'] ?? '' },
    env,
  });
}
