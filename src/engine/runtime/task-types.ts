import type { Platform } from '../../shim-kinds.ts';
import type { ContainerId, SandboxId } from '../ids.ts';
import type { Nanos, ShimAddress } from '../types/index.ts';
import type { ShimOptions } from './shim-options.ts';

/** A mount as containerd's snapshotters and shims exchange it. */
export interface RootMount {
  readonly type: string;
  readonly source: string;
  readonly target?: string;
  readonly options: readonly string[];
}

/** FIFO paths that a task's output goes to; all absent: the output is dropped. */
export interface TaskIo {
  readonly stdin?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly terminal: boolean;
}

export interface TaskSpec {
  /** The containerd container: a container's id, or a sandbox's for its pause process. */
  readonly id: ContainerId | SandboxId;
  readonly sandboxId: SandboxId;
  readonly rootfs: readonly RootMount[];
  readonly io: TaskIo;
}

export interface TaskExit {
  readonly exitCode: number;
  readonly exitedAt: Nanos;
}

/**
 * How a task came to its end. `shim-died`: its shim was killed while the process still ran; nothing outlives its shim, and
 * what is left of it is to be killed.
 */
export type TaskEnd = { readonly kind: 'exited'; readonly exit: TaskExit } | { readonly kind: 'shim-died' };

/** A task's first process, and the shim that looks after it where it can be asked directly. */
export interface TaskProcess {
  readonly pid: number;
  readonly shim?: ShimAddress;
}

export type TaskStatus = 'created' | 'running' | 'stopped' | 'paused' | 'unknown';

/** A task that containerd has right now. `exit` is there once it is stopped. */
export interface LiveTask {
  readonly id: string;
  readonly pid: number;
  readonly status: TaskStatus;
  readonly exit?: TaskExit;
}

/**
 * Tasks in containerd's shims, one shim for all of a pod's. Creates, starts and deletes of one pod follow each other,
 * and take a place among the work that the node does at once.
 */
export interface TaskService {
  /** Makes the init process, which waits for `start`. */
  create(spec: TaskSpec, signal: AbortSignal): Promise<TaskProcess>;
  /**
   * Knows the process of a task that a former davitd made. Where its shim can be asked directly, that is who tells the exit
   * and takes signals, from now on: both work while containerd is away.
   */
  adopt(id: string, process: TaskProcess): TaskProcess;
  /** Returns the time right before the process began. */
  start(id: string, sandboxId: SandboxId, signal: AbortSignal): Promise<Nanos>;
  /** `everyone`: all processes of the container, not only its first. False when there was nothing to signal any more. */
  kill(id: string, signalNumber: number, everyone: boolean, signal: AbortSignal): Promise<boolean>;
  /** Resolves when the init process has ended, at once if it has already. not-found when there is no such task. */
  wait(id: string, signal: AbortSignal): Promise<TaskEnd>;
  /** Changes a task's limits; what `resources` (an OCI LinuxResources, or WindowsResources) leaves out stays as it is. */
  update(id: string, resources: object, signal: AbortSignal, platform?: Platform): Promise<void>;
  /** Sizes the task's terminal, in characters; nothing where the task has ended. */
  resize(id: string, size: { readonly width: number; readonly height: number }, signal: AbortSignal): Promise<void>;
  /** The shim lets go of its own writer of the task's stdin; nothing where the task has ended. */
  closeStdin(id: string, signal: AbortSignal): Promise<void>;
  /** Deletes a stopped task. False when there is none. */
  delete(id: string, sandboxId: SandboxId, signal: AbortSignal): Promise<boolean>;
  list(signal: AbortSignal): Promise<readonly LiveTask[]>;
}

/** containerd's record of a container, from which a task is made. */
export interface ContainerObject {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** For the image column of `ctr containers ls`; '' for a pause process. */
  readonly image: string;
  readonly runtimeType: string;
  readonly shimOptions: ShimOptions;
  readonly snapshotter: string;
  readonly snapshotKey: string;
  /** The OCI runtime spec. */
  readonly spec: unknown;
}

export interface ListedObject {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The name that it was made with; '' for a pause process. */
  readonly image: string;
  readonly createdAtMs: number;
}

export interface ContainerObjects {
  create(object: ContainerObject, signal: AbortSignal): Promise<void>;
  /** Unknown ids are fine. */
  delete(id: string, signal: AbortSignal): Promise<void>;
  /** The OCI runtime spec it was made with. */
  spec(id: string, signal: AbortSignal): Promise<unknown>;
  /** Replaces the spec; tasks made from now on have it. */
  updateSpec(id: string, spec: unknown, signal: AbortSignal): Promise<void>;
  /** Those that this davit made, told by a label that `create` adds. */
  list(signal: AbortSignal): Promise<readonly ListedObject[]>;
}
