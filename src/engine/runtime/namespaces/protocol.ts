import type { MountFlag } from '../../../sys/mount.ts';
import type { NamespaceKind } from '../../../sys/namespaces.ts';
import type { Sysctl } from './sysctls.ts';

/** What the service asks of its worker thread: one order at a time, one reply for each. */
export type Order =
  | {
      readonly op: 'create';
      /** Folder of the pins; must not exist yet. */
      readonly dir: string;
      readonly kinds: readonly NamespaceKind[];
      readonly hostname?: string;
      readonly sysctls: readonly Sysctl[];
      /** Absent: new namespaces. */
      readonly holder?: Holder;
    }
  | { readonly op: 'sysctls'; readonly dir: string; readonly sysctls: readonly Sysctl[]; readonly owner?: number }
  | { readonly op: 'destroy'; readonly dir: string }
  | { readonly op: 'tmpfs'; readonly target: string; readonly options: TmpfsOptions }
  | { readonly op: 'bind'; readonly source: string; readonly target: string }
  | ({ readonly op: 'image' } & ImageOrder)
  | { readonly op: 'unmount'; readonly target: string };

/** A process that is in the namespaces already, which its user namespace owns. */
export interface Holder {
  readonly pid: number;
  /** On the node, the id of root in the user namespace. */
  readonly owner: number;
}

/** Mounts an image's files, and a part of them beside. */
export interface ImageOrder {
  readonly mounts: readonly ImageMountStep[];
  /** An empty folder for the whole image. */
  readonly base: string;
  /** Path of a pinned user namespace: owners are shifted by its map. */
  readonly userNamespace?: string;
  readonly part?: {
    /** What is shown of the image, as a process whose root the image is would find it. */
    readonly subPath: string;
    /** Where; made as a folder or a file, as it must be. */
    readonly target: string;
  };
}

/** One mount(2). */
export type ImageMountStep =
  | { readonly kind: 'bind'; readonly source: string }
  | {
      readonly kind: 'filesystem';
      readonly type: string;
      readonly source: string;
      readonly data: string;
      /** Folder that relative paths in `data` start from. */
      readonly from: string;
    };

export interface TmpfsOptions {
  readonly sizeBytes: number;
  readonly mode: number;
  readonly flags: readonly Extract<MountFlag, 'nosuid' | 'nodev' | 'noexec' | 'readonly'>[];
}

export interface Reply {
  readonly id: number;
  /** Absent: done. */
  readonly failure?: Failure;
  /** The thread could not come back to the node's namespaces and is ending. */
  readonly lost: boolean;
}

/** An error that crosses the threads. */
export interface Failure {
  /** What was being done, e.g. `pin net`. */
  readonly step: string;
  readonly message: string;
  /** The errno's name, where there is one. */
  readonly code?: string;
  /** The sysctl that the kernel refused. */
  readonly sysctl?: string;
}

/** A worker that cannot come back to the node's namespaces ends its thread with this code. */
export const LOST_EXIT_CODE = 70;

/** The order in which kinds are entered, left and pinned. */
export const KINDS: readonly NamespaceKind[] = ['net', 'ipc', 'uts'];
