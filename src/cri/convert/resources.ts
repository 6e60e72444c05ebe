import { invalidField } from '../../engine/index.ts';
import type { LinuxResources, StringMap } from '../../engine/index.ts';
import type * as cri from '../generated/cri.js';
import { checkNoNul, quote } from './checks.ts';
import { compact } from './compact.ts';
import { copy, entry } from './maps.ts';
import { toLong, toNumber, toNumberIfSet, toUnsignedLong } from './numbers.ts';

const CPU_LIST = /^\d+(-\d+)?(,\d+(-\d+)?)*$/;
/** A cgroup's file: what stands before the dot is the controller. Never a path. */
const UNIFIED_KEY = /^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)+$/;
const PAGE_SIZE = /^\d+[KMGT]i?B$/;

/** 0 and '' are "not set" in a request, except for oom_score_adj, for which 0 is a score like any other. */
export function toLinuxResources(field: string, message: cri.LinuxContainerResources): LinuxResources {
  const hugepages = message.hugepageLimits.map((limit, index) =>
    toHugepageLimit(`${field}.hugepage_limits[${index}]`, limit),
  );
  const unified = toUnified(`${field}.unified`, message.unified);
  return compact({
    cpuPeriodUs: toLimit(`${field}.cpu_period`, message.cpuPeriod),
    // A negative quota is none at all, said aloud.
    cpuQuotaUs: toNumberIfSet(`${field}.cpu_quota`, message.cpuQuota),
    cpuShares: toLimit(`${field}.cpu_shares`, message.cpuShares),
    memoryLimitBytes: toLimit(`${field}.memory_limit_in_bytes`, message.memoryLimitInBytes),
    // -1 is swap without a limit.
    memorySwapLimitBytes: toNumberIfSet(`${field}.memory_swap_limit_in_bytes`, message.memorySwapLimitInBytes),
    oomScoreAdj: toOomScoreAdj(`${field}.oom_score_adj`, message.oomScoreAdj),
    cpusetCpus: toCpuList(`${field}.cpuset_cpus`, message.cpusetCpus),
    cpusetMems: toCpuList(`${field}.cpuset_mems`, message.cpusetMems),
    hugepageLimits: hugepages.length === 0 ? undefined : hugepages,
    unified: Object.keys(unified).length === 0 ? undefined : unified,
  });
}

/** In an update a score of 0 is "not set", as every other field's zero is. */
export function toResourcesUpdate(field: string, message: cri.LinuxContainerResources | null): LinuxResources {
  if (message === null) return {};
  const { oomScoreAdj = 0, ...limits } = toLinuxResources(field, message);
  return oomScoreAdj === 0 ? limits : { ...limits, oomScoreAdj };
}

export function fromLinuxResources(resources: LinuxResources): cri.ILinuxContainerResources {
  return {
    cpuPeriod: toLong(resources.cpuPeriodUs ?? 0),
    cpuQuota: toLong(resources.cpuQuotaUs ?? 0),
    cpuShares: toLong(resources.cpuShares ?? 0),
    memoryLimitInBytes: toLong(resources.memoryLimitBytes ?? 0),
    memorySwapLimitInBytes: toLong(resources.memorySwapLimitBytes ?? 0),
    oomScoreAdj: toLong(resources.oomScoreAdj ?? 0),
    cpusetCpus: resources.cpusetCpus ?? '',
    cpusetMems: resources.cpusetMems ?? '',
    hugepageLimits: (resources.hugepageLimits ?? []).map(({ pageSize, limitBytes }) => ({
      pageSize,
      limit: toUnsignedLong(limitBytes),
    })),
    unified: resources.unified ?? {},
  };
}

function toLimit(field: string, value: cri.LinuxContainerResources['cpuPeriod']): number | undefined {
  const limit = toNumberIfSet(field, value);
  if (limit !== undefined && limit < 0) throw invalidField(field, `must not be negative, got ${limit}`);
  return limit;
}

function toOomScoreAdj(field: string, value: cri.LinuxContainerResources['oomScoreAdj']): number {
  const score = toNumber(field, value);
  if (score < -1000 || score > 1000) throw invalidField(field, `must be from -1000 to 1000, got ${score}`);
  return score;
}

function toCpuList(field: string, value: string): string | undefined {
  if (value === '') return undefined;
  if (!CPU_LIST.test(value)) throw invalidField(field, `must be a list like 0-3,7, got ${quote(value)}`);
  return value;
}

function toHugepageLimit(
  field: string,
  limit: cri.HugepageLimit,
): { readonly pageSize: string; readonly limitBytes: number } {
  // The size becomes part of a cgroup file's name.
  if (!PAGE_SIZE.test(limit.pageSize)) {
    throw invalidField(`${field}.page_size`, `must be a size like 2MB, got ${quote(limit.pageSize)}`);
  }
  return { pageSize: limit.pageSize, limitBytes: toNumber(`${field}.limit`, limit.limit) };
}

function toUnified(field: string, map: StringMap): StringMap {
  for (const [key, value] of Object.entries(map)) {
    if (!UNIFIED_KEY.test(key))
      throw invalidField(entry(field, key), 'is not the name of a cgroup file like memory.max');
    checkNoNul(entry(field, key), value);
  }
  return copy(map);
}
