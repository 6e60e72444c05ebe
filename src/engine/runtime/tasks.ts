import { setTimeout as sleep } from 'node:timers/promises';
import { taskTypes } from '../containerd/generated/containerd.js';
import type { google, tasks as api } from '../containerd/generated/containerd.js';
import type { Platform } from '../../shim-kinds.ts';
import { ShimGone } from '../containerd/index.ts';
import type { Shims } from '../containerd/index.ts';
import { EngineError, isKind, messageOf } from '../errors.ts';
import { stringifyExactJson } from '../exact-json.ts';
import { KeyedMutex } from '../keyed-mutex.ts';
import { nowNanos } from '../clock.ts';
import type { SandboxId } from '../ids.ts';
import type { Logger } from '../logger.ts';
import type { Nanos, ShimAddress } from '../types/index.ts';
import type { WorkQueue } from '../work-queue.ts';
import { isTaskAlive } from './task-process.ts';
import type { LiveTask, TaskEnd, TaskProcess, TaskService, TaskSpec, TaskStatus } from './task-types.ts';

interface CallOptions {
  readonly signal: AbortSignal;
}

/** The calls of containerd's task service that are used here. */
export interface TasksClient {
  create(request: api.ICreateTaskRequest, options: CallOptions): Promise<api.CreateTaskResponse>;
  start(request: api.IStartRequest, options: CallOptions): Promise<api.StartResponse>;
  kill(request: api.IKillRequest, options: CallOptions): Promise<unknown>;
  wait(request: api.IWaitRequest, options: CallOptions): Promise<api.WaitResponse>;
  update(request: api.IUpdateTaskRequest, options: CallOptions): Promise<unknown>;
  resizePty(request: api.IResizePtyRequest, options: CallOptions): Promise<unknown>;
  closeIO(request: api.ICloseIORequest, options: CallOptions): Promise<unknown>;
  delete(request: api.IDeleteTaskRequest, options: CallOptions): Promise<api.DeleteResponse>;
  list(request: api.IListTasksRequest, options: CallOptions): Promise<api.ListTasksResponse>;
}

/** The type URLs by which containerd and its shims know limits. */
const RESOURCES_TYPE_URL = {
  linux: 'types.containerd.io/opencontainers/runtime-spec/1/LinuxResources',
  windows: 'types.containerd.io/opencontainers/runtime-spec/1/WindowsResources',
} as const satisfies Record<Platform, string>;
const NANOS_PER_SECOND = 1_000_000_000n;

const STATUS = new Map<number, TaskStatus>([
  [taskTypes.Status.CREATED, 'created'],
  [taskTypes.Status.RUNNING, 'running'],
  [taskTypes.Status.STOPPED, 'stopped'],
  [taskTypes.Status.PAUSED, 'paused'],
  [taskTypes.Status.PAUSING, 'paused'],
]);

export interface ShimTasksDeps {
  readonly client: TasksClient;
  readonly shims: Shims;
  /** Forks and mounts that run at once on the node. */
  readonly work: WorkQueue;
  readonly logger: Logger;
}

interface DirectTask {
  readonly pid: number;
  readonly shim: ShimAddress;
  /** It was seen to have ended: containerd cleans up behind it, and answers nothing useful until it has. */
  shimGone: boolean;
}

/** How long containerd may take to clean up behind a shim that has ended, and how often it is asked meanwhile. */
const CLEAN_UP_MS = 10_000;
const CLEAN_UP_POLL_MS = 100;

export class ShimTasks implements TaskService {
  readonly #client: TasksClient;
  readonly #shims: Shims;
  readonly #logger: Logger;
  readonly #work: WorkQueue;
  /**
   * One create, start or delete at a time in a pod. The pod's shim ends with its last task, so a create must not meet a
   * delete. And the shims of containerd 1.6 and 1.7 report an exit only between two starts: where starts queue up in the
   * shim, exits pile up, and from 32 on each takes a second of the shim's, in which it answers nobody.
   */
  readonly #pods = new KeyedMutex<SandboxId>();
  /** Tasks whose shims can be asked directly. */
  readonly #direct = new Map<string, DirectTask>();

  constructor({ client, shims, work, logger }: ShimTasksDeps) {
    this.#client = client;
    this.#shims = shims;
    this.#work = work;
    this.#logger = logger;
  }

  async create(spec: TaskSpec, signal: AbortSignal): Promise<TaskProcess> {
    const pid = await this.#createWithRetry(spec, signal);
    return this.adopt(spec.id, { pid });
  }

  adopt(id: string, { pid, shim = this.#shims.find(pid, id) }: TaskProcess): TaskProcess {
    if (shim === undefined) return { pid };
    this.#direct.set(id, { pid, shim, shimGone: false });
    return { pid, shim };
  }

  async #createWithRetry(spec: TaskSpec, signal: AbortSignal): Promise<number> {
    return await this.#inTurn(spec.sandboxId, signal, async () => {
      try {
        return await this.#createOnce(spec, signal);
      } catch (error) {
        if (!isKind(error, 'unavailable') || signal.aborted) throw error;
        // The pod's shim was on its way out when it was asked; the next create starts a fresh one.
        await this.#deleteOnce(spec.id, signal);
        return await this.#createOnce(spec, signal);
      }
    });
  }

  async start(id: string, sandboxId: SandboxId, signal: AbortSignal): Promise<Nanos> {
    return await this.#inTurn(sandboxId, signal, async () => {
      const before = nowNanos(); // the process may have ended when the call returns
      await this.#client.start({ containerId: id }, { signal });
      return before;
    });
  }

  async kill(id: string, signalNumber: number, everyone: boolean, signal: AbortSignal): Promise<boolean> {
    const direct = this.#direct.get(id);
    const done =
      direct === undefined ? undefined : await this.#killDirectly(direct, { id, signalNumber, everyone }, signal);
    if (done !== undefined) return done;
    try {
      await this.#client.kill({ containerId: id, signal: signalNumber, all: everyone }, { signal });
      return true;
    } catch (error) {
      if (isKind(error, 'not-found') || isKind(error, 'failed-precondition')) return false;
      throw error;
    }
  }

  async wait(id: string, signal: AbortSignal): Promise<TaskEnd> {
    const direct = this.#direct.get(id);
    const end = direct === undefined ? undefined : await this.#waitDirectly(id, direct, signal);
    if (end !== undefined) return end;
    const reply = await this.#behindCleanUp(id, signal, () => this.#client.wait({ containerId: id }, { signal }));
    return { kind: 'exited', exit: { exitCode: reply.exitStatus, exitedAt: toNanos(reply.exitedAt) } };
  }

  /** Undefined when the shim cannot be told: containerd may reach it. */
  async #killDirectly(
    direct: DirectTask,
    { id, signalNumber, everyone }: { readonly id: string; readonly signalNumber: number; readonly everyone: boolean },
    signal: AbortSignal,
  ): Promise<boolean | undefined> {
    try {
      return await this.#shims.kill(direct.shim, { id, signal: signalNumber, all: everyone }, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#logger.debug({ task: id, error: messageOf(error) }, 'its shim took no signal');
      if (!(error instanceof ShimGone)) return undefined;
      direct.shimGone = true;
      return isTaskAlive(direct.pid, id) && process.kill(direct.pid, signalNumber);
    }
  }

  /** Undefined when the shim cannot tell: containerd may still know. */
  async #waitDirectly(id: string, direct: DirectTask, signal: AbortSignal): Promise<TaskEnd | undefined> {
    try {
      return { kind: 'exited', exit: await this.#shims.wait(direct.shim, id, signal) };
    } catch (error) {
      if (signal.aborted) throw error;
      this.#logger.debug({ task: id, error: messageOf(error) }, 'its shim cannot tell its exit');
      direct.shimGone = error instanceof ShimGone;
      return direct.shimGone && isTaskAlive(direct.pid, id) ? { kind: 'shim-died' } : undefined;
    }
  }

  async update(id: string, resources: object, signal: AbortSignal, platform: Platform = 'linux'): Promise<void> {
    const value = Buffer.from(stringifyExactJson(resources));
    const typeUrl = RESOURCES_TYPE_URL[platform];
    await this.#client.update({ containerId: id, resources: { typeUrl, value } }, { signal });
  }

  async resize(
    id: string,
    size: { readonly width: number; readonly height: number },
    signal: AbortSignal,
  ): Promise<void> {
    await unlessGone(this.#client.resizePty({ containerId: id, ...size }, { signal }));
  }

  async closeStdin(id: string, signal: AbortSignal): Promise<void> {
    await unlessGone(this.#client.closeIO({ containerId: id, stdin: true }, { signal }));
  }

  async delete(id: string, sandboxId: SandboxId, signal: AbortSignal): Promise<boolean> {
    const deleted = await this.#inTurn(sandboxId, signal, () => this.#deleteOnce(id, signal));
    this.#direct.delete(id);
    return deleted;
  }

  async list(signal: AbortSignal): Promise<readonly LiveTask[]> {
    const reply = await this.#client.list({}, { signal });
    return reply.tasks.map((task) => toLiveTask(task));
  }

  /** Waits for the pod's turn before it takes a place among the node's work, so that a busy pod keeps no other waiting. */
  async #inTurn<T>(sandboxId: SandboxId, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    return await this.#pods.run(sandboxId, signal, () => this.#work.run(signal, call));
  }

  async #createOnce(spec: TaskSpec, signal: AbortSignal): Promise<number> {
    const reply = await this.#client.create(
      {
        containerId: spec.id,
        rootfs: spec.rootfs.map((mount) => ({ ...mount, target: mount.target ?? '' })),
        stdin: spec.io.stdin ?? '',
        stdout: spec.io.stdout ?? '',
        stderr: spec.io.stderr ?? '',
        terminal: spec.io.terminal,
      },
      { signal },
    );
    return reply.pid;
  }

  async #deleteOnce(id: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#behindCleanUp(id, signal, () => this.#client.delete({ containerId: id }, { signal }));
      return true;
    } catch (error) {
      if (isKind(error, 'not-found')) return false;
      throw error;
    }
  }

  /** Asks again while containerd cleans up behind a shim that has ended. */
  async #behindCleanUp<T>(id: string, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    for (const end = performance.now() + CLEAN_UP_MS; ;) {
      try {
        return await call();
      } catch (error) {
        const cleaning = this.#direct.get(id)?.shimGone === true && performance.now() < end;
        if (isKind(error, 'not-found') || !cleaning || signal.aborted) throw error;
        await sleep(CLEAN_UP_POLL_MS, undefined, { signal });
      }
    }
  }
}

async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isKind(error, 'not-found') && !isKind(error, 'failed-precondition')) throw error;
  }
}

function toLiveTask(task: taskTypes.Process): LiveTask {
  const status = STATUS.get(task.status) ?? 'unknown';
  return {
    id: task.id,
    pid: task.pid,
    status,
    ...(status === 'stopped' ? { exit: { exitCode: task.exitStatus, exitedAt: toNanos(task.exitedAt) } } : {}),
  };
}

function toNanos(timestamp: google.protobuf.Timestamp | null): Nanos {
  if (timestamp === null) throw new EngineError('internal', 'containerd answered an exit without its time');
  return BigInt(timestamp.seconds.toString()) * NANOS_PER_SECOND + BigInt(timestamp.nanos);
}
