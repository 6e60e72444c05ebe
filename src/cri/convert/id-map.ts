import { invalidField } from '../../engine/index.ts';
import type { IdMap } from '../../engine/index.ts';
import { NamespaceMode } from '../generated/cri.js';
import type { IDMapping, UserNamespace } from '../generated/cri.js';

/** The last id of 32 bits means "none" to the kernel. */
const MAX_ID = 2 ** 32 - 2;

/** Undefined for the node's own. A pod's has one range, the same for users and groups, that begins with root. */
export function toUserNamespace(field: string, options: UserNamespace | null): IdMap | undefined {
  if (options === null) return undefined;
  const { mode, uids, gids } = options;
  if (mode === NamespaceMode.NODE) {
    if (uids.length + gids.length > 0) throw invalidField(field, 'has mappings, which mode NODE has none of');
    return undefined;
  }
  if (mode !== NamespaceMode.POD) {
    const name: string | undefined = NamespaceMode[mode];
    throw invalidField(`${field}.mode`, `must be POD or NODE, got ${name ?? mode}`);
  }
  return toIdMap(field, { uids, gids, names: ['uids', 'gids'] });
}

/** Of a mount: absent, or the pod's own. */
export function toMountIdMap(
  field: string,
  { uidMappings: uids, gidMappings: gids }: { readonly uidMappings: IDMapping[]; readonly gidMappings: IDMapping[] },
  pod: IdMap | undefined,
): IdMap | undefined {
  if (uids.length + gids.length === 0) return undefined;
  const map = toIdMap(field, { uids, gids, names: ['uidMappings', 'gidMappings'] });
  if (sameIdMap(map, pod)) return map;
  throw invalidField(`${field}.uidMappings`, "must be those of the pod's user namespace");
}

export function sameIdMap(a: IdMap | undefined, b: IdMap | undefined): boolean {
  return a?.hostId === b?.hostId && a?.length === b?.length;
}

interface Mappings {
  readonly uids: readonly IDMapping[];
  readonly gids: readonly IDMapping[];
  readonly names: readonly [uids: string, gids: string];
}

function toIdMap(field: string, { uids, gids, names }: Mappings): IdMap {
  const users = only(`${field}.${names[0]}`, uids);
  const groups = only(`${field}.${names[1]}`, gids);
  if (!sameIdMap(users, groups)) throw invalidField(`${field}.${names[1]}`, `must be the same as ${names[0]}`);
  return users;
}

function only(field: string, mappings: readonly IDMapping[]): IdMap {
  const [mapping, ...more] = mappings;
  if (mapping === undefined || more.length > 0)
    throw invalidField(field, `must be one mapping, got ${mappings.length}`);
  const { hostId, containerId, length } = mapping;
  if (containerId !== 0) throw invalidField(`${field}[0].container_id`, `must be 0, got ${containerId}`);
  if (length === 0) throw invalidField(`${field}[0].length`, 'must not be 0');
  if (hostId + length - 1 > MAX_ID) throw invalidField(`${field}[0]`, 'goes beyond the last id that there is');
  return { hostId, length };
}
