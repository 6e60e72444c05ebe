import type { SandboxId } from '../ids.ts';
import type { Nanos } from './nanos.ts';
import type { PodResources, SandboxSpec } from './sandbox-spec.ts';
import type { StringMap } from './string-map.ts';

/**
 *   (job) creating ──► ready ──► not-ready ──► (removed)
 *             └──────────────────►┘  when an undo could not be done
 */
export type SandboxState =
  | { readonly phase: 'creating' }
  | { readonly phase: 'ready' }
  | { readonly phase: 'not-ready'; readonly reason: string; readonly since: Nanos };

/** How a sandbox sits on the network; absent for host network. */
export interface SandboxNetwork {
  /** All addresses in the order the plugins gave them; the first is the primary. */
  readonly ips: readonly string[];
  /** The CNI result as the last plugin printed it, for verbose status. */
  readonly cniResult?: unknown;
}

/** Paths of the pinned namespaces; absent where the pod uses the node's. */
export interface NamespacePaths {
  readonly network?: string;
  readonly ipc?: string;
  readonly uts?: string;
  /** Owns the others. */
  readonly user?: string;
}

export interface Sandbox {
  readonly id: SandboxId;
  readonly spec: SandboxSpec;
  readonly createdAt: Nanos;
  readonly state: SandboxState;
  readonly network?: SandboxNetwork;
  readonly namespaces: NamespacePaths;
  /** The request's, or those of the last update. Absent: as in `spec`. */
  readonly podResources?: PodResources;
  /** The pause process, where the pod shares PIDs. */
  readonly pausePid?: number;
}

export interface SandboxFilter {
  readonly id?: string;
  readonly state?: 'ready' | 'not-ready';
  readonly labels: StringMap;
}
