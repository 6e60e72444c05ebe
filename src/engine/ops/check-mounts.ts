import { EngineError } from '../errors.ts';
import type { HandlerFeatures, MountSpec } from '../types/index.ts';

/** Refuses mounts that the handler's runtime cannot make, before anything is made. */
export function checkMounts(mounts: readonly MountSpec[], handler: string, features: HandlerFeatures): void {
  const index = mounts.findIndex((mount) => mount.recursiveReadOnly);
  if (index < 0 || features.recursiveReadOnlyMounts) return;
  throw new EngineError(
    'failed-precondition',
    `RROUnsupported: config.mounts[${index}].recursive_read_only: needs Linux 5.12 and a runtime that knows the mount option ` +
      `rro; handler ${handler} does not have both`,
    { reason: 'RROUnsupported' },
  );
}
