import { closeSync, openSync } from 'node:fs';
import { mount } from '../../../sys/mount.ts';
import {
  changeDirectory,
  disarmMount,
  enterMounts,
  enterPrivateMounts,
  OWN_MOUNT_NAMESPACE,
  unshareFs,
} from '../../../sys/private-mounts.ts';
import type { RootMount } from './root-mounts.ts';

/** The thread is in a mount namespace that it could not leave: it must end. */
export class LostError extends Error {
  override readonly name = 'LostError';
}

/** Runs `work` with a descriptor of the mounted root; afterwards neither the mounts nor the descriptor are left. */
export type InRoot = <T>(root: RootToMount, work: (rootFd: number) => T) => T;

export interface RootToMount {
  readonly mounts: readonly RootMount[];
  readonly target: string;
  readonly access: 'read' | 'write';
}

/** Only names a place in the tree; needs no right to what is there. */
const O_PATH = 0o10000000;
const O_DIRECTORY = 0o200000;

/**
 * Prepares the calling thread; call it once and first of all. Each root is mounted in a mount namespace of its own that
 * lasts as long as the read. So no mount is ever seen outside or left behind, however the thread ends, and none of the
 * node's mounts is held in a copy while nothing is read.
 */
export function prepareThread(): InRoot {
  unshareFs();
  const home = openSync(OWN_MOUNT_NAMESPACE, 'r');
  return (root, work) => {
    enterPrivateMounts();
    try {
      const { target } = root;
      for (const one of root.mounts) attach(one, root);
      const rootFd = openSync(target, O_PATH | O_DIRECTORY);
      try {
        return work(rootFd);
      } finally {
        closeSync(rootFd);
      }
    } finally {
      comeBack(home);
    }
  };
}

function attach(one: RootMount, { target, access }: RootToMount): void {
  if (one.kind === 'bind') {
    mount({ source: one.source, target, type: 'none', flags: ['bind'] });
  } else {
    changeDirectory(one.from);
    mount({ source: one.source, target, type: one.type, flags: access === 'read' ? ['readonly'] : [], data: one.data });
  }
  if (access === 'read') disarmMount(target);
  else mount({ source: 'none', target, type: 'none', flags: ['remount', 'bind', 'nosuid', 'nodev', 'noexec'] });
}

function comeBack(home: number): void {
  try {
    enterMounts(home);
  } catch (error) {
    throw new LostError("cannot come back to the node's mounts", { cause: error });
  }
}
