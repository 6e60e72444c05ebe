import type Long from 'long';
import { invalidField } from '../../engine/index.ts';
import type {
  CpuGroupAffinity,
  DeviceSpec,
  MountSpec,
  SandboxNamespaces,
  WindowsContainer,
  WindowsResources,
  WindowsSecurity,
} from '../../engine/index.ts';
import { NamespaceMode, WindowsContainerResources } from '../generated/cri.js';
import type * as cri from '../generated/cri.js';
import { checkLine, checkNoNul, checkPath } from './checks.ts';
import { compact } from './compact.ts';
import { toLong, toNumberIfSet } from './numbers.ts';

type SecurityFields = Pick<cri.WindowsContainerSecurityContext, 'runAsUsername' | 'credentialSpec' | 'hostProcess'>;

/** The most that Windows takes for shares, and hundredths of a percent of all processors. */
const MAX_CPU_PARTS = 10_000;
const MAX_CPU_COUNT = 2_048;

/** Of a pod as of a container. */
export function toWindowsSecurity(field: string, message: SecurityFields | null): WindowsSecurity {
  const { runAsUsername = '', credentialSpec = '', hostProcess = false } = message ?? {};
  return compact({
    runAsUsername: runAsUsername === '' ? undefined : checkLine(`${field}.run_as_username`, runAsUsername),
    credentialSpec: credentialSpec === '' ? undefined : checkDocument(`${field}.credential_spec`, credentialSpec),
    hostProcess,
  });
}

export function toWindowsContainer(field: string, given: cri.WindowsContainerConfig | null): WindowsContainer {
  return {
    ...toWindowsSecurity(`${field}.security_context`, given?.securityContext ?? null),
    resources: toWindowsResources(`${field}.resources`, given?.resources ?? WindowsContainerResources.create()),
  };
}

/**
 * A pod for Windows has its own network, or the node's: where it is one of the node's processes, and nowhere else. Kubelets
 * say so among the fields of Linux.
 */
export function toWindowsNamespaces(
  { hostProcess }: WindowsSecurity,
  windows: cri.WindowsSandboxSecurityContext | null,
  linux: cri.NamespaceOption | null,
): SandboxNamespaces {
  const asked = [
    ['config.windows.security_context.namespace_options.network', windows?.namespaceOptions?.network],
    ['config.linux.security_context.namespace_options.network', linux?.network],
  ] as const;
  for (const [field, mode] of asked) {
    if (mode === NamespaceMode.NODE && !hostProcess)
      throw invalidField(field, 'is NODE; on Windows only pods of HostProcess containers are on the node’s network');
  }
  return { network: hostProcess ? 'node' : 'pod', pid: 'pod', ipc: 'node' };
}

/** Paths are looked at where the spec is made: those of Windows are not those of the node that davitd runs on. */
export function toWindowsMount(field: string, mount: cri.Mount): MountSpec {
  if (mount.hostPath === '') throw invalidField(`${field}.host_path`, 'is required');
  return {
    containerPath: checkPath(`${field}.container_path`, mount.containerPath),
    hostPath: checkPath(`${field}.host_path`, mount.hostPath),
    readonly: mount.readonly,
    propagation: 'private',
    selinuxRelabel: false,
  };
}

export function toWindowsDevice(field: string, { containerPath, hostPath, permissions }: cri.Device): DeviceSpec {
  return { containerPath, hostPath: checkLine(`${field}.host_path`, hostPath), permissions };
}

/** 0 is "not set". */
export function toWindowsResources(field: string, message: cri.WindowsContainerResources): WindowsResources {
  const affinity = message.affinityCpus.map((group, i) => toAffinity(`${field}.affinity_cpus[${i}]`, group));
  return compact({
    cpuShares: toLimit(`${field}.cpu_shares`, message.cpuShares, MAX_CPU_PARTS),
    cpuCount: toLimit(`${field}.cpu_count`, message.cpuCount, MAX_CPU_COUNT),
    cpuMaximum: toLimit(`${field}.cpu_maximum`, message.cpuMaximum, MAX_CPU_PARTS),
    memoryLimitBytes: toLimit(`${field}.memory_limit_in_bytes`, message.memoryLimitInBytes),
    rootfsSizeBytes: toLimit(`${field}.rootfs_size_in_bytes`, message.rootfsSizeInBytes),
    affinityCpus: affinity.length === 0 ? undefined : affinity,
  });
}

export function toWindowsUpdate(field: string, message: cri.WindowsContainerResources | null): WindowsResources {
  return message === null ? {} : toWindowsResources(field, message);
}

export function fromWindowsResources(resources: WindowsResources): cri.IWindowsContainerResources {
  return {
    cpuShares: toLong(resources.cpuShares ?? 0),
    cpuCount: toLong(resources.cpuCount ?? 0),
    cpuMaximum: toLong(resources.cpuMaximum ?? 0),
    memoryLimitInBytes: toLong(resources.memoryLimitBytes ?? 0),
    rootfsSizeInBytes: toLong(resources.rootfsSizeBytes ?? 0),
    affinityCpus: (resources.affinityCpus ?? []).map(({ mask, group }) => ({
      cpuMask: toLong(BigInt.asIntN(64, BigInt(mask))).toUnsigned(),
      cpuGroup: group,
    })),
  };
}

function checkDocument(field: string, text: string): string {
  try {
    JSON.parse(text);
  } catch {
    throw invalidField(field, 'is not the JSON of a credential document');
  }
  return checkNoNul(field, text);
}

function toLimit(field: string, value: Long, most: number = Number.MAX_SAFE_INTEGER): number | undefined {
  const limit = toNumberIfSet(field, value);
  if (limit !== undefined && (limit < 0 || limit > most))
    throw invalidField(field, `must be from 1 to ${most}, or 0 for none, got ${limit}`);
  return limit;
}

function toAffinity(field: string, { cpuMask, cpuGroup }: cri.WindowsCpuGroupAffinity): CpuGroupAffinity {
  if (cpuMask.isZero()) throw invalidField(`${field}.cpu_mask`, 'names no processor');
  return { mask: cpuMask.toUnsigned().toString(), group: cpuGroup };
}
