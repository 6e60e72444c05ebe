import type { ErrorKind } from '../../errors.ts';
import type { TreeCopy } from './copy-tree.ts';
import type { FolderOrder } from './make-folders.ts';
import type { RootMount } from './root-mounts.ts';

/** What the reader asks of its thread, of one root. */
export interface ReadOrder {
  /** Made for reading, or for writing where the work is to write. */
  readonly mounts: readonly RootMount[];
  /** An empty folder to mount on. */
  readonly target: string;
  readonly work: ReadWork;
}

export type ReadWork =
  | {
      readonly op: 'read';
      readonly paths: readonly string[];
      /** Files larger than this are refused. */
      readonly maxBytes: number;
    }
  | { readonly op: 'make'; readonly order: FolderOrder }
  | { readonly op: 'copy'; readonly copies: readonly TreeCopy[]; readonly timeoutMs: number };

export type ReadReply =
  | { readonly id: number; readonly files: readonly (readonly [path: string, content: Uint8Array | undefined])[] }
  | { readonly id: number; readonly failure: ReadFailure };

export interface ReadFailure {
  readonly kind: ErrorKind;
  readonly message: string;
  /** The thread could not come back to the node's mounts and is ending. */
  readonly lost: boolean;
}

/** Exit code of a thread that is lost. */
export const LOST_EXIT_CODE = 70;
