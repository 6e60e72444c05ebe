import type { Platform } from '../shim-kinds.ts';
import type { StringMap } from './types/index.ts';

/**
 * What the engine needs to know from outside. src/config builds a frozen value that fits; names are the file's keys in
 * camel case. Durations are milliseconds, sizes bytes.
 */
export interface EngineConfig {
  readonly root: string;
  readonly state: string;
  /** `auto` or the path of containerd's socket. */
  readonly containerdAddress: string;
  readonly containerdNamespace: string;
  /** How long a call waits for a containerd that is away, in ms. */
  readonly containerdWaitMs: number;
  readonly cniConfDir: readonly string[];
  readonly cniBinDir: readonly string[];
  readonly registryConfigPath: readonly string[];
  readonly defaultRuntime: string;
  readonly builtinNetwork: boolean;
  /** `always`: pods that need no pause process have one too, if their network is their own. */
  readonly pause: 'auto' | 'always';
  readonly handlers: Readonly<Record<string, HandlerConfig>>;
  readonly pods: PodDefaults;
  readonly containers: ContainerDefaults;
  readonly security: SecurityConfig;
  readonly classes: ClassesConfig;
  readonly log: { readonly maxLineBytes: number };
  readonly network: {
    readonly builtinSubnet: readonly string[];
    readonly cniTimeoutMs: number;
    readonly cniGc: boolean;
    readonly ipPreference: IpPreference;
  };
  readonly images: {
    readonly pinned: readonly string[];
    readonly maxConcurrentDownloads: number;
    readonly progressTimeoutMs: number;
    readonly artifacts: boolean;
  };
  readonly limits: LimitsConfig;
  readonly reconcile: {
    readonly intervalMs: number;
    readonly graceMs: number;
  };
}

export interface HandlerConfig {
  /** containerd's runtime type, e.g. io.containerd.runc.v2. */
  readonly type: string;
  /** Path or name of the OCI runtime binary, for runc-like types; absent: the shim's default. */
  readonly binary?: string;
  /** For the shim, by containerd's names; see src/shim-kinds.ts. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly snapshotter: string;
  /** Absent: what its shim is for. */
  readonly platform?: Platform;
  /** What every container's runtime is told, unless a pod or a container says otherwise. */
  readonly defaultAnnotations: Readonly<Record<string, string>>;
  /** Patterns (src/wildcard.ts) of annotations that are handed on to the runtime. */
  readonly podAnnotations: readonly string[];
  readonly containerAnnotations: readonly string[];
  readonly privilegedWithoutHostDevices: boolean;
  readonly cgroupWritable: boolean;
  /** On which CPUs of a container's own cpuset commands start. */
  readonly execCpuAffinity: 'all' | 'first';
  /** The file that is the default seccomp profile; absent: davit's own is. */
  readonly seccompProfile?: string;
  /** The file of an OCI spec that each container's begins with. */
  readonly baseRuntimeSpec?: string;
  readonly cniConfDir?: string;
}

/** Which of a pod's addresses comes first. */
export type IpPreference = 'cni' | 'ipv4' | 'ipv6';

/** The kernel's security modules: `auto` where the node has them. */
export interface SecurityConfig {
  readonly apparmor: 'auto' | 'off';
  readonly selinux: 'auto' | 'off';
  /** Off: pods on the node's network have no labels. */
  readonly selinuxOnHostNetwork: boolean;
  /** Levels of pods have categories below this. */
  readonly selinuxCategoryRange: number;
}

/** Classes that annotations put containers into. */
export interface ClassesConfig {
  /** The file of those of disk I/O; absent: none. */
  readonly blockioFile?: string;
  /** Containers may be put into groups of resctrl. */
  readonly rdt: boolean;
  /** A class that the node does not have is left out, not refused. */
  readonly tolerateMissing: boolean;
}

/** What a pod gets beside what it asks for. */
export interface PodDefaults {
  /** For programs that are not root, in a network of the pod's own: ports below 1024, and ping. */
  readonly unprivilegedPorts: boolean;
  readonly unprivilegedPing: boolean;
  /** Where the namespace that they belong to is the pod's own. */
  readonly sysctls: StringMap;
  /** The CPUs of pause processes, `0-1,4`; absent: all. */
  readonly pauseCpus?: string;
}

/** What a container gets beside what it asks for. */
export interface ContainerDefaults {
  /** `NAME=value`; the image's and the request's count before them. */
  readonly env: readonly string[];
  /** By the names of getrlimit(2) in lower case: `soft:hard`, one number for both, or unlimited. */
  readonly ulimits: StringMap;
  /** Octal. */
  readonly umask?: string;
  /** A zone of the node's, or `local`. */
  readonly timezone?: string;
  readonly imageVolumes: 'bind' | 'mkdir' | 'ignore';
  /** Full names; what a container has before it adds and drops. */
  readonly defaultCapabilities: readonly string[];
  /** What is granted is inheritable, too. */
  readonly inheritableCapabilities: boolean;
  /** Of containers that ask for no seccomp profile. */
  readonly unsetSeccomp: 'unconfined' | 'runtime-default';
  /** Limits of huge pages that the node cannot set are left out, not refused. */
  readonly tolerateMissingHugetlb: boolean;
  /** The least memory limit that is taken; 0: any. */
  readonly minMemoryBytes: number;
  /** Of privileged ones that ask for none or the default: `unconfined`, `runtime-default` or a file's path. */
  readonly privilegedSeccompProfile: string;
  /** `/dev/x[:/dev/y[:rwm]]`. */
  readonly additionalDevices: readonly string[];
  /** Paths of devices that a pod's annotation may name. */
  readonly allowedDevices: readonly string[];
  /** Devices belong to the user and group that the request names. */
  readonly deviceOwnership: boolean;
}

export interface LimitsConfig {
  /** How many calls at once may fork or mount: namespaces, CNI plugins, task creates and starts. */
  readonly concurrentWork: number;
  /** Work that takes longer waits for something, such as a shim that hangs: its place is lent to the next. */
  readonly workPatienceMs: number;
}
