import { posix } from 'node:path';
import { invalidField } from '../../errors.ts';
import type { SandboxId } from '../../ids.ts';
import type { CgroupDriver } from '../../types/index.ts';

/**
 * Paths of cgroups. All are absolute, below every tree's root: a relative one would land below the cgroup that davit or
 * containerd happens to run in.
 */

/** Parent of the pods that name none, for cgroupfs. */
export const OWN_PARENT = '/davit';
/** The same for systemd, whose slices outlive what they held: one slice serves all such pods. */
export const OWN_SLICE = 'davit.slice';

const PREFIX = 'davit';
const FIELD = 'config.linux.cgroup_parent';
const SLICE = /^(?!-)[A-Za-z0-9:_.\\-]+\.slice$/;

/** The cgroup that a pod's containers are made in. */
export function podParent(driver: CgroupDriver, sandboxId: SandboxId, requested: string | undefined): string {
  if (driver === 'systemd') return slicePath(requested === undefined ? OWN_SLICE : posix.basename(requested));
  if (requested === undefined) return `${OWN_PARENT}/${sandboxId}`;
  if (!requested.startsWith('/') || requested.includes('\0') || requested.split('/').includes('..'))
    throw invalidField(FIELD, `${JSON.stringify(requested)} is not an absolute path of a cgroup`);
  return posix.normalize(requested).replace(/(?<=.)\/$/, '');
}

/** The cgroup of one container, or of a pod's pause process. */
export function containerPath(driver: CgroupDriver, parent: string, id: string): string {
  return posix.join(parent, driver === 'systemd' ? `${PREFIX}-${id}.scope` : id);
}

/** The same, as an OCI spec's `cgroupsPath` says it to the runtime: for systemd `slice:prefix:name`. */
export function specPath(driver: CgroupDriver, parent: string, id: string): string {
  return driver === 'systemd' ? `${posix.basename(parent)}:${PREFIX}:${id}` : containerPath(driver, parent, id);
}

/** systemd nests slices by their names: `a-b.slice` lies in `a.slice`. */
function slicePath(slice: string): string {
  if (!SLICE.test(slice) || slice.includes('--') || slice.endsWith('-.slice'))
    throw invalidField(FIELD, `${JSON.stringify(slice)} is not a slice, which systemd needs as parent`);
  const words = slice.slice(0, -'.slice'.length).split('-');
  return words.map((_word, index) => `/${words.slice(0, index + 1).join('-')}.slice`).join('');
}
