import type { SandboxId } from '../../ids.ts';
import type { Service } from '../../lifecycle.ts';
import type { IdMap, NamespacePaths, StringMap } from '../../types/index.ts';
import type { ImageOrder, TmpfsOptions } from './protocol.ts';

export interface NamespaceRequest {
  /** Which namespaces are the pod's own; the others stay the node's. */
  readonly network: boolean;
  readonly ipc: boolean;
  readonly uts: boolean;
  /** With a user namespace of the pod's own, which owns the others: all of them must be the pod's then. */
  readonly user?: IdMap;
  /** Name of the UTS namespace; only with `uts`. */
  readonly hostname?: string;
  readonly sysctls: StringMap;
}

/** Namespaces that the kernel shows as pinned, whoever made them. */
export interface PinnedNamespaces {
  readonly sandboxId: SandboxId;
  readonly namespaces: NamespacePaths;
}

/**
 * Makes and pins net, ipc and uts namespaces without a process, under `<state>/sandboxes/<id>/ns/`. One thread does all
 * of it, in the order of the calls. Errors are EngineErrors that name the step.
 */
export interface NamespaceService extends Service {
  /**
   * Makes the namespaces, with `lo` up, the host name and the sysctls set. All or nothing. Sysctls of a single interface
   * that does not exist yet are left to `applySysctls`. Throws invalid-argument naming the field for a bad host name or
   * sysctl (one that the kernel refuses included), already-exists when the sandbox has namespaces.
   */
  create(sandboxId: SandboxId, request: NamespaceRequest, signal: AbortSignal): Promise<NamespacePaths>;
  /**
   * Sets the sysctls (again) in the pinned namespaces, strictly: call it when the network is attached, because plugins
   * set some themselves and interfaces bring theirs.
   */
  applySysctls(sandboxId: SandboxId, request: Omit<NamespaceRequest, 'hostname'>, signal: AbortSignal): Promise<void>;
  /** Unpins and removes; a sandbox without namespaces is success. */
  destroy(sandboxId: SandboxId): Promise<void>;
  /** What is pinned right now. */
  list(): Promise<readonly PinnedNamespaces[]>;
  /** Mounts a new tmpfs on an existing folder. */
  mountTmpfs(target: string, options: TmpfsOptions): Promise<void>;
  /** Binds `source`, with the mounts below it, on an existing file or folder. Not for sources that may hang. */
  bindMount(source: string, target: string): Promise<void>;
  /**
   * Mounts an image's files read-only, without devices and set-uid programs, and a part of them beside; no link in the
   * image leads out of it. not-found when there is no such part. What is mounted when it fails is for `unmount`.
   */
  mountImage(order: ImageOrder): Promise<void>;
  /** Takes every mount off `target`; a target without one, or that is not there, is success. */
  unmount(target: string): Promise<void>;
}
