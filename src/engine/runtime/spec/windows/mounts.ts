import { invalidField } from '../../../errors.ts';
import type { MountSpec } from '../../../types/index.ts';
import type { OciWindowsMount } from './oci-windows.ts';
import { containerPath, hostPath, isPipe, isSystemRoot } from './paths.ts';

/** `notices`: mounts that hide others of the request. */
export interface WindowsMountsPlan {
  readonly mounts: readonly OciWindowsMount[];
  readonly notices: readonly string[];
}

/**
 * The request's mounts, parents before what lies below them; of two on one place the later. Windows knows no case in
 * paths. Throws invalid-argument naming the mount.
 */
export function windowsMounts(mounts: readonly MountSpec[]): WindowsMountsPlan {
  const byDestination = new Map<string, OciWindowsMount>();
  const notices: string[] = [];
  mounts.forEach((spec, index) => {
    const field = `config.mounts[${index}]`;
    const mount = toMount(spec, field);
    const key = mount.destination.toLowerCase();
    if (byDestination.delete(key))
      notices.push(`${field}.container_path: ${mount.destination} is mounted twice; the last one counts`);
    byDestination.set(key, mount);
  });
  return { mounts: [...byDestination.values()].sort(byDepth), notices };
}

function toMount({ containerPath: to, hostPath: from, readonly }: MountSpec, field: string): OciWindowsMount {
  const destination = containerPath(to);
  if (destination === undefined)
    throw invalidField(`${field}.container_path`, `${JSON.stringify(to)} is no absolute path of Windows`);
  if (isSystemRoot(destination))
    throw invalidField(`${field}.container_path`, "nothing can be mounted over drive C, the container's own root");
  const source = hostPath(from);
  if (source === undefined)
    throw invalidField(`${field}.host_path`, `${JSON.stringify(from)} is no absolute path of Windows`);
  if (isPipe(source) !== isPipe(destination))
    throw invalidField(`${field}.container_path`, 'a named pipe is mounted as a named pipe, and nothing else is');
  return { destination, source, options: [readonly ? 'ro' : 'rw'] };
}

/** Equal depths keep their order: sort() is stable. */
function byDepth(a: OciWindowsMount, b: OciWindowsMount): number {
  return a.destination.split('\\').length - b.destination.split('\\').length;
}
