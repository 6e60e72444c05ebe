import type { SandboxId } from '../ids.ts';
import type { Service } from '../lifecycle.ts';
import type { DnsConfig, PortMapping, SandboxMetadata, SandboxNetwork, StringMap } from '../types/index.ts';
import type { WorkLimits } from '../work-queue.ts';
import type { NetworkStatus } from './readiness.ts';

export interface AttachRequest {
  readonly sandboxId: SandboxId;
  /** Path of the pod's network namespace. */
  readonly netns: string;
  readonly metadata: SandboxMetadata;
  readonly annotations: StringMap;
  readonly portMappings: readonly PortMapping[];
  readonly dns?: DnsConfig;
  readonly cgroupParent?: string;
  /** The handler's own configuration folder, instead of the daemon's. */
  readonly confDir?: string;
}

/** Attaches pods to a network by CNI plugins. Errors are EngineErrors that name plugin, verb and network. */
export interface NetworkService extends Service {
  /** Milliseconds that an attach may take with its own roll back, however the plugins behave. */
  readonly attachDeadlineMs: number;
  /** From memory. */
  status(): NetworkStatus;
  /**
   * Attaches the pod as eth0. What is owed is on disk before a plugin runs; when it fails or `signal` aborts, it is undone
   * before the error is thrown, and what could not be undone is still owed: detach() tries again.
   * Throws invalid-argument naming the field, unavailable without a valid configuration, already-exists for an attached pod.
   */
  attach(request: AttachRequest, signal: AbortSignal): Promise<SandboxNetwork>;
  /**
   * Takes the pod off its network by what attach() put on disk, whatever has become of configuration and namespace. A pod
   * that is not attached is success. A failure keeps what is owed.
   */
  detach(sandboxId: SandboxId, netns: string | undefined, signal: AbortSignal): Promise<void>;
  /** Asks the plugins whether the pod's network is as it should be (CHECK); throws when it is not. */
  check(sandboxId: SandboxId, signal: AbortSignal): Promise<void>;
  /** Sandboxes that a detach is owed for, by the files on disk. */
  attachments(): Promise<readonly SandboxId[]>;
  /** CNI's GC verb on the configured network; does nothing unless cni_gc is set. */
  gc(signal: AbortSignal): Promise<void>;
  /** How many plugin runs may go on at once, from now on. */
  setLimits(limits: WorkLimits): void;
  /** The node's pod ranges for plugins with the capability ipRanges, from now on. */
  setPodCidrs(cidrs: readonly string[]): void;
}
