import { EngineError } from '../../errors.ts';
import type { HostFacts } from '../../host/index.ts';
import type { LinuxResources } from '../../types/index.ts';
import type { OciCpu, OciMemory, OciResources } from './oci.ts';

export type ResourcesHost = Pick<HostFacts, 'cgroup' | 'hugepageSizes' | 'swapLimit'>;

export interface ResourcesPlan {
  readonly resources: OciResources;
  readonly notices: readonly string[];
}

/** Limits as the OCI runtime takes them, at create and at update. What this node has no means for is told, not asked. */
export function ociResources(resources: LinuxResources, host: ResourcesHost): ResourcesPlan {
  const notices: string[] = [];
  const hugepageLimits = hugepages(resources, host, notices);
  return {
    resources: {
      ...nonEmpty('cpu', cpu(resources)),
      ...nonEmpty('memory', memory(resources, host, notices)),
      ...(hugepageLimits.length === 0 ? {} : { hugepageLimits }),
      ...unified(resources, host),
    },
    notices,
  };
}

function cpu(resources: LinuxResources): OciCpu {
  const { cpuShares, cpuQuotaUs, cpuPeriodUs, cpusetCpus, cpusetMems } = resources;
  return {
    ...(cpuShares === undefined ? {} : { shares: cpuShares }),
    ...(cpuQuotaUs === undefined ? {} : { quota: cpuQuotaUs }),
    ...(cpuPeriodUs === undefined ? {} : { period: cpuPeriodUs }),
    ...(cpusetCpus === undefined ? {} : { cpus: cpusetCpus }),
    ...(cpusetMems === undefined ? {} : { mems: cpusetMems }),
  };
}

/** Without a swap limit a container with a memory limit may not swap: both limits are the same then. */
function memory(resources: LinuxResources, host: ResourcesHost, notices: string[]): OciMemory {
  const { memoryLimitBytes: limit, memorySwapLimitBytes } = resources;
  const swap = memorySwapLimitBytes ?? limit;
  if (memorySwapLimitBytes !== undefined && !host.swapLimit)
    notices.push('config.linux.resources.memory_swap_limit_in_bytes: this kernel cannot limit swap');
  return {
    ...(limit === undefined ? {} : { limit }),
    ...(swap === undefined || !host.swapLimit ? {} : { swap }),
  };
}

/** The kubelet sends a limit of 0 for every page size it knows; only a real limit that cannot be had is worth a word. */
function hugepages(
  { hugepageLimits = [] }: LinuxResources,
  host: ResourcesHost,
  notices: string[],
): NonNullable<OciResources['hugepageLimits']> {
  return hugepageLimits.flatMap(({ pageSize, limitBytes }) => {
    if (host.hugepageSizes.includes(pageSize)) return [{ pageSize, limit: limitBytes }];
    if (limitBytes > 0)
      notices.push(`config.linux.resources.hugepage_limits: this node cannot limit pages of ${pageSize}`);
    return [];
  });
}

function unified({ unified }: LinuxResources, host: ResourcesHost): Pick<OciResources, 'unified'> {
  if (unified === undefined || Object.keys(unified).length === 0) return {};
  if (host.cgroup.mode !== 'v2') {
    throw new EngineError(
      'failed-precondition',
      `config.linux.resources.unified: needs cgroup v2; this node has ${host.cgroup.mode}`,
    );
  }
  return { unified: { ...unified } };
}

function nonEmpty<const Key extends string, Value extends object>(
  key: Key,
  value: Value,
): Partial<Readonly<Record<Key, Value>>> {
  return Object.keys(value).length === 0 ? {} : ({ [key]: value } as Record<Key, Value>);
}
