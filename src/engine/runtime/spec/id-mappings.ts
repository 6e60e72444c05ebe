import type { IdMap } from '../../types/index.ts';
import type { OciLinux } from './oci.ts';

/** How the OCI spec says it, of a user namespace and of a mount alike; nothing without a map. */
export function idMappings(map: IdMap | undefined): Pick<OciLinux, 'uidMappings' | 'gidMappings'> {
  if (map === undefined) return {};
  const mapping = { containerID: 0, hostID: map.hostId, size: map.length };
  return { uidMappings: [mapping], gidMappings: [{ ...mapping }] };
}
