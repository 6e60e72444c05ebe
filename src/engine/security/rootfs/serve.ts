import type { MessagePort } from 'node:worker_threads';
import { EngineError, messageOf } from '../../errors.ts';
import type { Request } from '../../order-thread.ts';
import { checkMountPoints } from './check-mount-points.ts';
import { copyTreeInRoot } from './copy-tree.ts';
import { makeFoldersInRoot } from './make-folders.ts';
import { LostError } from './private-root.ts';
import type { InRoot } from './private-root.ts';
import { LOST_EXIT_CODE } from './protocol.ts';
import type { ReadFailure, ReadOrder, ReadReply } from './protocol.ts';
import { readFileInRoot } from './read-files.ts';

/** Serves requests from `port`, each from start to end before the next. `exit` ends the thread. */
export function serve(port: MessagePort, inRoot: InRoot, exit: (code: number) => void): void {
  port.on('message', (request: Request<ReadOrder>) => {
    const reply = answer(request, inRoot);
    const buffers = 'files' in reply ? reply.files.flatMap(([, content]) => content?.buffer ?? []) : [];
    port.postMessage(
      reply,
      buffers.filter((buffer) => buffer instanceof ArrayBuffer),
    );
    if ('failure' in reply && reply.failure.lost) exit(LOST_EXIT_CODE);
  });
}

function answer({ id, order: { mounts, target, work } }: Request<ReadOrder>, inRoot: InRoot): ReadReply {
  try {
    if (work.op === 'make') {
      inRoot({ mounts, target, access: 'write' }, (rootFd) => makeFoldersInRoot(rootFd, work.order));
      return { id, files: [] };
    }
    const root = { mounts, target, access: 'read' } as const;
    if (work.op === 'read') {
      const files = inRoot(root, (rootFd) => {
        checkMountPoints(rootFd);
        return work.paths.map((path) => [path, readFileInRoot(rootFd, path, work.maxBytes)] as const);
      });
      return { id, files };
    }
    inRoot(root, (rootFd) => {
      for (const copy of work.copies) copyTreeInRoot(rootFd, copy, work.timeoutMs);
    });
    return { id, files: [] };
  } catch (error) {
    return { id, failure: describe(error) };
  }
}

function describe(error: unknown): ReadFailure {
  const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : '';
  return {
    kind: error instanceof EngineError ? error.kind : 'internal',
    message: error instanceof EngineError ? error.message : messageOf(error) + cause,
    lost: error instanceof LostError,
  };
}
