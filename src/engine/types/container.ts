import type { ContainerId, SandboxId } from '../ids.ts';
import type { ContainerSpec } from './container-spec.ts';
import type { Nanos } from './nanos.ts';
import type { LinuxResources } from './resources.ts';
import type { StringMap } from './string-map.ts';
import type { WindowsResources } from './windows.ts';

/**
 * `ShimDied`: its shim ended before it, so that it was killed. `NodeRebooted`: it ended with the node. `ExitStatusUnknown`:
 * it ended while nobody could learn how.
 */
export type ExitReason =
  'Completed' | 'Error' | 'OOMKilled' | 'StartError' | 'ShimDied' | 'NodeRebooted' | 'ExitStatusUnknown';

/**
 *   (job) creating ──► created ──► starting ──► running ──► exited ──► (removed)
 *                         │            └────────────────────►┘  StartError
 *                         └── any state ──► unknown, when a record or its task cannot be understood
 */
export type ContainerState =
  | { readonly phase: 'creating' }
  | { readonly phase: 'created' }
  | { readonly phase: 'starting' }
  | { readonly phase: 'running'; readonly startedAt: Nanos; readonly pid: number }
  | {
      readonly phase: 'exited';
      /** Absent when the container never ran. */
      readonly startedAt?: Nanos;
      readonly finishedAt: Nanos;
      readonly exitCode: number;
      readonly reason: ExitReason;
      readonly message: string;
    }
  | { readonly phase: 'unknown'; readonly reason: string };

/** The identity the container's first process really got. */
export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  readonly supplementalGroups: readonly number[];
}

export interface Container {
  readonly id: ContainerId;
  readonly sandboxId: SandboxId;
  readonly spec: ContainerSpec;
  readonly createdAt: Nanos;
  readonly state: ContainerState;
  /** The image's config digest, equal to Image.id. */
  readonly imageId: string;
  /** `name@digest` of the image where it has one, else its id. */
  readonly imageRef: string;
  readonly user: ContainerUser;
  /** Absolute path of the log file; absent: none. */
  readonly logPath?: string;
  /** The effective stop signal's name with "SIG", e.g. SIGTERM. */
  readonly stopSignal: string;
  /** The limits in force: the request's, with each update folded in. */
  readonly resources: LinuxResources;
  /** The same of a container for Windows. */
  readonly windowsResources?: WindowsResources;
  readonly snapshotter: string;
  readonly snapshotKey: string;
  /** containerd's runtime type, e.g. io.containerd.runc.v2. */
  readonly runtimeType: string;
}

export interface ContainerFilter {
  readonly id?: string;
  readonly sandboxId?: string;
  readonly state?: 'created' | 'running' | 'exited' | 'unknown';
  readonly labels: StringMap;
}
