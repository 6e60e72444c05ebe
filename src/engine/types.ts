import type { ContainerId, SandboxId } from './ids.ts';

/**
 * The engine's vocabulary: what the façade hands in (specs), what it gets back (sandboxes, containers, images).
 * Plain readonly values; nothing here knows gRPC or containerd. Empty strings do not stand for "absent": fields are optional.
 */

/** Nanoseconds since the epoch. Strictly increasing for `createdAt` (see clock.ts). */
export type Nanos = bigint;

export type StringMap = Readonly<Record<string, string>>;

// ---------------------------------------------------------------- sandboxes: what is asked

export interface SandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}

/** Users and groups of a user namespace: 0 to `length` - 1 in it are the node's from `hostId` on. */
export interface IdMap {
  readonly hostId: number;
  readonly length: number;
}

export interface SandboxNamespaces {
  readonly network: 'pod' | 'node';
  /** `pod`: one PID namespace for the whole pod, held by a pause process; `container`: one for each container. */
  readonly pid: 'pod' | 'container' | 'node';
  readonly ipc: 'pod' | 'node';
  /** Absent: the pod has the node's own user namespace. */
  readonly user?: IdMap;
}

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface PortMapping {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIp?: string;
}

export interface SandboxSpec {
  readonly metadata: SandboxMetadata;
  /** Host name of the pod's UTS namespace; absent: the node's own name is shown (host network) or the short sandbox id. */
  readonly hostname?: string;
  /** Absolute directory that container log paths are relative to; absent: containers have no log files. */
  readonly logDirectory?: string;
  /** Absent: the node's /etc/resolv.conf. */
  readonly dns?: DnsConfig;
  readonly portMappings: readonly PortMapping[];
  readonly labels: StringMap;
  readonly annotations: StringMap;
  /** Name of the runtime handler as it was asked for; '' is the default handler and stays '' in answers. */
  readonly handler: string;
  /** Absolute cgroup path below every hierarchy's root; absent: the engine's own parent. */
  readonly cgroupParent?: string;
  readonly sysctls: StringMap;
  readonly namespaces: SandboxNamespaces;
  readonly privileged: boolean;
  /** Applies to the pause process only. */
  readonly security: SandboxSecurity;
  readonly overhead?: LinuxResources;
  readonly resources?: LinuxResources;
  /** There exactly where the handler is for Windows; sysctls, privileged and security then say nothing. */
  readonly windows?: WindowsSecurity;
}

/** What a whole pod takes: its containers' limits together, and what the pod costs beyond them. */
export type PodResources = Pick<SandboxSpec, 'overhead' | 'resources'>;

/** Of a pod or a container for Windows. */
export interface WindowsSecurity {
  /** `user`, `domain\\user`, or an account of Windows' own; absent: the image's. */
  readonly runAsUsername?: string;
  /** The document of a group managed service account, as it is. */
  readonly credentialSpec?: string;
  /** Its processes are the node's own. All containers of a pod are so, or none. */
  readonly hostProcess: boolean;
}

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

// ---------------------------------------------------------------- sandboxes: what is

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

// ---------------------------------------------------------------- containers: what is asked

export interface ContainerMetadata {
  readonly name: string;
  readonly attempt: number;
}

export interface ContainerSpec {
  readonly metadata: ContainerMetadata;
  readonly image: ImageRequest;
  /** Replaces the image's entrypoint; empty: the image's own. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir?: string;
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly mounts: readonly MountSpec[];
  readonly devices: readonly DeviceSpec[];
  readonly labels: StringMap;
  readonly annotations: StringMap;
  /** Relative to the sandbox's log directory, already checked to stay in it; absent: output is dropped. */
  readonly logPath?: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  /** A signal's name without "SIG" or with it, from the request; absent: the image's, else SIGTERM. */
  readonly stopSignal?: string;
  readonly security: ContainerSecurity;
  readonly resources: LinuxResources;
  /** There exactly where the pod's handler is for Windows; security and resources then say nothing. */
  readonly windows?: WindowsContainer;
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

/** An image as a request names it. */
export interface ImageRequest {
  /** A reference, a digest or an image id. */
  readonly image: string;
  /** What the user wrote, given back in ContainerStatus.image; absent: `image`. */
  readonly userSpecified?: string;
  readonly annotations: StringMap;
}

/** An image whose files are mounted, always read-only. */
export interface ImageMount {
  /** A reference, a digest or an image id, as it was asked for. */
  readonly image: string;
  /** What of the image is mounted; absent: all of it. Relative, without `..`. */
  readonly subPath?: string;
  /** `name@digest` of the image that was found where it has one, else its id; there once the container is. */
  readonly imageRef?: string;
}

/** Options that a request may add to a mount. None of them gives what the mount on the node has not. */
export type MountOption =
  'nodev' | 'noexec' | 'nosuid' | 'nosymfollow' | 'noatime' | 'nodiratime' | 'relatime' | 'strictatime';

export interface MountSpec {
  readonly containerPath: string;
  /** '' where `image` is mounted. */
  readonly hostPath: string;
  readonly image?: ImageMount;
  readonly readonly: boolean;
  /** Read-only with all that is mounted below the host path; only with `readonly` and private propagation. */
  readonly recursiveReadOnly?: boolean;
  readonly options?: readonly MountOption[];
  /** The pod's own: files show the owners in the container that they have on the node. Absent: they are as on the node. */
  readonly idMap?: IdMap;
  readonly propagation: 'private' | 'host-to-container' | 'bidirectional';
  readonly selinuxRelabel: boolean;
}

export interface DeviceSpec {
  readonly containerPath: string;
  readonly hostPath: string;
  /** A subset of "rwm". */
  readonly permissions: string;
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

/** Limits; an absent field is not set (in an update: left as it is). */
export interface LinuxResources {
  readonly cpuPeriodUs?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuShares?: number;
  readonly memoryLimitBytes?: number;
  readonly memorySwapLimitBytes?: number;
  readonly oomScoreAdj?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limitBytes: number }[];
  readonly unified?: StringMap;
}

// ---------------------------------------------------------------- containers: what is

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

// ---------------------------------------------------------------- images

export interface Image {
  /** The config's digest, `sha256:…`: an image's one identity everywhere. */
  readonly id: string;
  /** Names with tags, e.g. registry.k8s.io/pause:3.10. */
  readonly repoTags: readonly string[];
  /** Names with digests, e.g. registry.k8s.io/pause@sha256:… */
  readonly repoDigests: readonly string[];
  /** Compressed size of all that the image is made of, in bytes; never 0. */
  readonly sizeBytes: number;
  /** The config's User, if it is a number or a name. */
  readonly user: { readonly uid?: number; readonly username?: string };
  readonly pinned: boolean;
  readonly config: ImageConfig;
  /** Chain id of the topmost layer: the parent snapshot of a container's root. */
  readonly chainId: string;
}

/** The part of an OCI image config that a container is made from. All of it is hostile input. */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly stopSignal: string;
  readonly volumes: readonly string[];
  readonly labels: StringMap;
  /** Windows: the first word of the image's command is a command line that is quoted already. */
  readonly argsEscaped?: boolean;
}

export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  /** base64 of `user:password`. */
  readonly auth?: string;
  readonly serverAddress?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

export interface PullRequest {
  readonly image: string;
  readonly auth?: RegistryAuth;
  /** Labels and annotations of the pod that the pull is for: for logs only. */
  readonly sandbox?: SandboxMetadata;
}

export interface FilesystemUsage {
  readonly mountpoint: string;
  readonly usedBytes: number;
  readonly inodesUsed: number;
  readonly timestamp: Nanos;
}

export interface ImageFsInfo {
  readonly imageFilesystems: readonly FilesystemUsage[];
  readonly containerFilesystems: readonly FilesystemUsage[];
}

// ---------------------------------------------------------------- the node

export interface Condition {
  readonly type: 'RuntimeReady' | 'NetworkReady';
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
}

/** What the OCI runtime behind a handler and the kernel can do together; false until it is known to be true. */
export interface HandlerFeatures {
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}

/** One runtime handler as Status reports it. */
export interface HandlerInfo extends HandlerFeatures {
  /** '' is the default handler's second entry. */
  readonly name: string;
}

export interface NodeStatus {
  readonly conditions: readonly Condition[];
  readonly handlers: readonly HandlerInfo[];
  readonly supplementalGroupsPolicy: boolean;
  /** User namespaces work in the node's network, too. */
  readonly userNamespacesHostNetwork: boolean;
  readonly mountOptions: boolean;
}

/** Where the shim of a task listens, and which version of the task API it speaks. */
export interface ShimAddress {
  /** Absolute path of its socket. */
  readonly path: string;
  readonly version: 2 | 3;
}

export type CgroupDriver = 'systemd' | 'cgroupfs';
