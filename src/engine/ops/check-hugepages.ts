import type { ContainerDefaults } from '../engine-config.ts';
import { EngineError } from '../errors.ts';
import type { HostFacts } from '../host/index.ts';
import type { LinuxResources } from '../types/index.ts';

/**
 * Refuses limits of huge pages that this node cannot set, unless they are to be left out. `field` is the path of the
 * resources in the request. A limit of 0 is what the kubelet sends for every size: it is always taken.
 */
export function checkHugepages(
  field: string,
  { hugepageLimits = [] }: LinuxResources,
  { hugepageSizes }: Pick<HostFacts, 'hugepageSizes'>,
  { tolerateMissingHugetlb }: Pick<ContainerDefaults, 'tolerateMissingHugetlb'>,
): void {
  if (tolerateMissingHugetlb) return;
  const missing = hugepageLimits.find(
    ({ pageSize, limitBytes }) => limitBytes > 0 && !hugepageSizes.includes(pageSize),
  );
  if (missing === undefined) return;
  throw new EngineError(
    'failed-precondition',
    `${field}.hugepage_limits: this node cannot limit pages of ${missing.pageSize}; containers.tolerate_missing_hugetlb = true runs containers without the limit`,
  );
}
