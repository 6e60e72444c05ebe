import type { HandlerFeatures } from '../types/index.ts';
import type { RuntimeFeatures } from './runtime-info.ts';

/** mount_setattr(2), which makes a whole tree of mounts read-only. */
const RECURSIVE_READ_ONLY_KERNEL = [5, 12] as const;
/** Overlays of idmapped layers came with 5.19, tmpfs with 6.3: a container has both. */
const USER_NAMESPACES_KERNEL = [6, 3] as const;

/** What a handler can do: what its OCI runtime says of itself, as far as the kernel can follow. */
export function handlerFeatures(runtime: RuntimeFeatures | undefined, kernelVersion: string): HandlerFeatures {
  return {
    recursiveReadOnlyMounts:
      runtime?.recursiveReadOnlyMounts === true && isAtLeast(kernelVersion, RECURSIVE_READ_ONLY_KERNEL),
    userNamespaces: runtime?.idmappedMounts === true && isAtLeast(kernelVersion, USER_NAMESPACES_KERNEL),
  };
}

/** `6.1.0-44-amd64` → 6.1. A version that cannot be read is older than everything. */
function isAtLeast(kernelVersion: string, [major, minor]: readonly [number, number]): boolean {
  const match = /^(\d+)\.(\d+)/.exec(kernelVersion);
  if (match === null) return false;
  const [ourMajor, ourMinor] = [Number(match[1]), Number(match[2])];
  return ourMajor > major || (ourMajor === major && ourMinor >= minor);
}
