/**
 * On containerd's objects, the root folder of the davit that made them: two davits may share a containerd and its
 * namespace, and each must leave the other's alone.
 */
export const OWNER_LABEL = 'davit.root';

/** containerd's filter for what the davit with this root folder made. */
export function ownerFilter(root: string): string {
  return `labels.${JSON.stringify(OWNER_LABEL)}==${JSON.stringify(root)}`;
}
