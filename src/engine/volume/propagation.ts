import { EngineError } from '../errors.ts';
import type { MountSpec } from '../types/index.ts';
import { mountOf, parseMountinfo } from '../../sys/mountinfo.ts';

/** What a mount does with mounts that are made below it. `shared` may receive from a master as well. */
export type Propagation = 'shared' | 'slave' | 'private';

/** Of the mount that `path` (absolute, without symlinks) is on, by the text of /proc/self/mountinfo. */
export function propagationOf(mountinfo: string, path: string): Propagation {
  const mount = mountOf(parseMountinfo(mountinfo), path);
  if (mount?.shared === true) return 'shared';
  return mount?.slave === true ? 'slave' : 'private';
}

/**
 * Throws failed-precondition naming `config.mounts[index]` when the node's mount cannot do what is asked: mounts reach a
 * container from a shared or slave mount, and come back from a container to a shared one only.
 */
export function checkPropagation(mountinfo: string, mount: MountSpec, source: string, index: number): void {
  if (mount.propagation === 'private') return;
  const has = propagationOf(mountinfo, source);
  if (has === 'shared' || (has === 'slave' && mount.propagation === 'host-to-container')) return;
  const needs = mount.propagation === 'bidirectional' ? 'a shared mount' : 'a shared or slave mount';
  const at = mountOf(parseMountinfo(mountinfo), source)?.mountPoint ?? '/';
  throw new EngineError(
    'failed-precondition',
    `config.mounts[${index}].propagation: ${mount.propagation} needs ${needs}, but ${source} (for ` +
      `${mount.containerPath}) is on a ${has} one at ${at}: run "mount --make-rshared ${at}" on the node`,
  );
}
