/** Of a pod or a container for Windows. */
export interface WindowsSecurity {
  /** `user`, `domain\\user`, or an account of Windows' own; absent: the image's. */
  readonly runAsUsername?: string;
  /** The document of a group managed service account, as it is. */
  readonly credentialSpec?: string;
  /** Its processes are the node's own. All containers of a pod are so, or none. */
  readonly hostProcess: boolean;
}

export interface WindowsContainer extends WindowsSecurity {
  readonly resources: WindowsResources;
}

/** Limits on Windows; an absent one is not set (in an update: left as it is). */
export interface WindowsResources {
  readonly cpuShares?: number;
  readonly cpuCount?: number;
  /** Hundredths of a percent of the node's processors. */
  readonly cpuMaximum?: number;
  readonly memoryLimitBytes?: number;
  /** Of what is written to the root; only when the container is made. */
  readonly rootfsSizeBytes?: number;
  readonly affinityCpus?: readonly CpuGroupAffinity[];
}

/** Processors of one group. */
export interface CpuGroupAffinity {
  /** One bit a processor, as a decimal number: 64 bits do not fit a number. */
  readonly mask: string;
  readonly group: number;
}
