import type { IdMap } from './id-map.ts';
import type { LinuxResources } from './resources.ts';
import type { SandboxSecurity } from './security.ts';
import type { StringMap } from './string-map.ts';
import type { WindowsSecurity } from './windows.ts';

export interface SandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
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
