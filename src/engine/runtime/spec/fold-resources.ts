import type { LinuxResources } from '../../types/index.ts';

/** The limits in force after an update: what it does not set stays; huge pages by size, unified keys one by one. */
export function foldResources(current: LinuxResources, update: LinuxResources): LinuxResources {
  const hugepageLimits = new Map(
    [...(current.hugepageLimits ?? []), ...(update.hugepageLimits ?? [])].map((limit) => [limit.pageSize, limit]),
  );
  const unified = { ...current.unified, ...update.unified };
  return {
    ...current,
    ...update,
    ...(hugepageLimits.size === 0 ? {} : { hugepageLimits: [...hugepageLimits.values()] }),
    ...(Object.keys(unified).length === 0 ? {} : { unified }),
  };
}
