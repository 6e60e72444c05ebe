import { closeSync, openSync } from 'node:fs';
import type { NamespaceKind } from '../../../sys/namespaces.ts';
import { ownNamespaceId, ownNamespacePath, setns, unshare } from '../../../sys/namespaces.ts';
import { KINDS } from './protocol.ts';

/** The thread is in a namespace that it could not leave: it must end. */
export class LostError extends Error {
  override readonly name = 'LostError';
}

/** The namespaces that the thread was born in, and the ways out of them and back. */
export interface Home {
  /** Runs `work` in new namespaces of these kinds, then comes back. Throws LostError when it cannot. */
  inNew<T>(kinds: readonly NamespaceKind[], work: () => T): T;
  /** Runs `work` in the namespaces pinned at these paths, then comes back. Throws LostError when it cannot. */
  inPinned<T>(pins: ReadonlyMap<NamespaceKind, string>, work: () => T): T;
}

/** Remembers where the calling thread is now: call it first of all. `back` is setns but for tests. */
export function openHome(back: typeof setns = setns): Home {
  const home = KINDS.map((kind) => ({ kind, fd: openSync(ownNamespacePath(kind), 'r'), id: ownNamespaceId(kind) }));

  const comeBack = (): void => {
    try {
      for (const { kind, fd, id } of home) {
        if (ownNamespaceId(kind) !== id) back(fd, kind);
        if (ownNamespaceId(kind) !== id) throw new Error(`${kind} is still another one`);
      }
    } catch (error) {
      throw new LostError('cannot come back to the namespaces of the node', { cause: error });
    }
  };

  return {
    inNew: (kinds, work) => {
      unshare(kinds);
      try {
        return work();
      } finally {
        comeBack();
      }
    },
    inPinned: (pins, work) => {
      try {
        for (const [kind, path] of pins) enter(kind, path);
        return work();
      } finally {
        comeBack();
      }
    },
  };
}

function enter(kind: NamespaceKind, path: string): void {
  const fd = openSync(path, 'r');
  try {
    setns(fd, kind);
  } finally {
    closeSync(fd);
  }
}
