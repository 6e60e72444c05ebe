import type { LinuxResources } from '../../types/index.ts';

/** The CPUs and memory nodes that a cgroup uses right now. */
export interface Cpuset {
  readonly cpus?: string;
  readonly mems?: string;
}

/** What the kernel has where nobody asked for anything. */
const DEFAULT_SHARES = 1024;
const DEFAULT_PERIOD_US = 100_000;
const UNLIMITED = -1;
/** Whole pages of every size; more than any machine has. */
const UNLIMITED_HUGEPAGES_BYTES = 2 ** 53 - 2 ** 30;

/**
 * The update that takes `update` back: what it set goes to the value before, or, where none had been asked for, to what
 * the kernel had. The rest stays as it is in `before`.
 */
export function restoringUpdate(before: LinuxResources, update: LinuxResources, cpuset: Cpuset): LinuxResources {
  const defaults: LinuxResources = {
    cpuPeriodUs: DEFAULT_PERIOD_US,
    cpuQuotaUs: UNLIMITED,
    cpuShares: DEFAULT_SHARES,
    memoryLimitBytes: UNLIMITED,
    oomScoreAdj: 0,
    ...(cpuset.cpus === undefined ? {} : { cpusetCpus: cpuset.cpus }),
    ...(cpuset.mems === undefined ? {} : { cpusetMems: cpuset.mems }),
  };
  const set = Object.fromEntries(Object.entries(defaults).filter(([key]) => key in update));
  const hugepages = hugepagesBefore(before, update);
  return { ...set, ...before, ...(hugepages.length === 0 ? {} : { hugepageLimits: hugepages }) };
}

function hugepagesBefore(
  before: LinuxResources,
  update: LinuxResources,
): NonNullable<LinuxResources['hugepageLimits']> {
  const known = before.hugepageLimits ?? [];
  const added = (update.hugepageLimits ?? []).filter(({ pageSize }) => known.every((one) => one.pageSize !== pageSize));
  return [...known, ...added.map(({ pageSize }) => ({ pageSize, limitBytes: UNLIMITED_HUGEPAGES_BYTES }))];
}
