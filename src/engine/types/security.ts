export interface SandboxSecurity {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly supplementalGroups: readonly number[];
  readonly readonlyRootfs: boolean;
  readonly seccomp: SeccompChoice;
  readonly apparmor: SecurityProfile;
  /** Counts for the pod's containers as well, where they have none of their own. */
  readonly selinux?: SelinuxOptions;
}

export interface ContainerSecurity {
  readonly privileged: boolean;
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  /** Added like the others, and kept by programs that are no root's. */
  readonly addAmbientCapabilities: readonly string[];
  readonly pid: 'pod' | 'container' | 'node' | { readonly target: string };
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsUsername?: string;
  readonly supplementalGroups: readonly number[];
  /** `strict`: only the groups asked for, those of the image's /etc/group are left out. */
  readonly supplementalGroupsPolicy: 'merge' | 'strict';
  readonly readonlyRootfs: boolean;
  readonly noNewPrivs: boolean;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly seccomp: SeccompChoice;
  readonly apparmor: SecurityProfile;
  readonly selinux?: SelinuxOptions;
}

/** Parts of a label; what is absent is the policy's or the pod's. Without meaning where SELinux is off. */
export interface SelinuxOptions {
  readonly user?: string;
  readonly role?: string;
  readonly type?: string;
  readonly level?: string;
}

/** `ref`: for seccomp the absolute path of a file, for AppArmor the name of a profile. */
export type SecurityProfile =
  | { readonly kind: 'runtime-default' }
  | { readonly kind: 'unconfined' }
  | { readonly kind: 'localhost'; readonly ref: string };

/** Unset: what the node gives to those that ask for nothing. */
export type SeccompChoice = SecurityProfile | { readonly kind: 'unset' };
