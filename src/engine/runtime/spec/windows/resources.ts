import { invalidField } from '../../../errors.ts';
import type { WindowsResources } from '../../../types/index.ts';
import type { OciWindowsCpu, OciWindowsResources } from './oci-windows.ts';

/** What one container gets of a processor is said in one of these ways; the interface does not say which counts. */
const CPU_LIMITS = { cpuCount: 'cpu_count', cpuShares: 'cpu_shares', cpuMaximum: 'cpu_maximum' } as const;

/** Limits in the form of the OCI specification; undefined where none is set. */
export function ociWindowsResources(resources: WindowsResources): OciWindowsResources | undefined {
  const { memoryLimitBytes, rootfsSizeBytes } = resources;
  const cpu = ociCpu(resources);
  const all = {
    ...(memoryLimitBytes === undefined ? {} : { memory: { limit: memoryLimitBytes } }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(rootfsSizeBytes === undefined ? {} : { storage: { sandboxSize: rootfsSizeBytes } }),
  };
  return Object.keys(all).length === 0 ? undefined : all;
}

/** `update` on top of what is in force; of limits that exclude one another, the update's. */
export function foldWindowsResources(before: WindowsResources, update: WindowsResources): WindowsResources {
  const { cpuCount: _count, cpuShares: _shares, cpuMaximum: _maximum, ...others } = before;
  const asked = [update.cpuCount, update.cpuShares, update.cpuMaximum].some((limit) => limit !== undefined);
  return asked ? { ...others, ...update } : { ...before, ...update };
}

/**
 * Throws invalid-argument, naming the field below `field`, for limits that Windows cannot hold at once: count, shares and
 * maximum exclude one another.
 */
export function checkWindowsResources(resources: WindowsResources, field: string): void {
  const set = Object.entries(CPU_LIMITS).filter(([key]) => resources[key as keyof typeof CPU_LIMITS] !== undefined);
  const [first, second] = set.map(([, name]) => name);
  if (first !== undefined && second !== undefined)
    throw invalidField(`${field}.${second}`, `stands beside ${first}: Windows takes one of them`);
}

function ociCpu({ cpuCount, cpuShares, cpuMaximum, affinityCpus }: WindowsResources): OciWindowsCpu | undefined {
  const cpu = {
    ...(cpuCount === undefined ? {} : { count: cpuCount }),
    ...(cpuShares === undefined ? {} : { shares: cpuShares }),
    ...(cpuMaximum === undefined ? {} : { maximum: cpuMaximum }),
    ...(affinityCpus === undefined
      ? {}
      : { affinity: affinityCpus.map(({ mask, group }) => ({ mask: BigInt(mask), group })) }),
  };
  return Object.keys(cpu).length === 0 ? undefined : cpu;
}
