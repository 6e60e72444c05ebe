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
import type { ReadOnlyMount } from './root-mounts.ts';

/** The thread is in a mount namespace that it could not leave: it must end. */
export class LostError extends Error {
  override readonly name = 'LostError';
}

/** Runs `work` with a descriptor of the mounted root; afterwards neither the mounts nor the descriptor are left. */
export type InRoot = <T>(mounts: readonly ReadOnlyMount[], target: string, work: (rootFd: number) => T) => T;

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
  return (mounts, target, work) => {
    enterPrivateMounts();
    try {
      for (const one of mounts) attach(one, target);
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

function attach(one: ReadOnlyMount, target: string): void {
  if (one.kind === 'bind') {
    mount({ source: one.source, target, type: 'none', flags: ['bind'] });
  } else {
    changeDirectory(one.from);
    mount({ source: one.source, target, type: one.type, flags: ['readonly'], data: one.data });
  }
  disarmMount(target);
}

function comeBack(home: number): void {
  try {
    enterMounts(home);
  } catch (error) {
    throw new LostError("cannot come back to the node's mounts", { cause: error });
  }
}
