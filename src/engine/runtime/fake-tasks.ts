import { nowNanos } from '../clock.ts';
import type { Platform } from '../../shim-kinds.ts';
import { EngineError } from '../errors.ts';
import type { ShimProcess, ShimProcesses } from './shim-processes.ts';
import type { Nanos } from '../types/index.ts';
import type {
  ContainerObject,
  ContainerObjects,
  ListedObject,
  LiveTask,
  TaskEnd,
  TaskProcess,
  TaskService,
  TaskSpec,
} from './task-types.ts';

interface FakeTask {
  readonly spec: TaskSpec;
  started: boolean;
  readonly exit: PromiseWithResolvers<TaskEnd>;
  ended: boolean;
}

/** Tasks in memory. SIGKILL ends one at once; other signals are `signals` and end nothing. */
export class FakeTasks implements TaskService {
  readonly tasks = new Map<string, FakeTask>();
  readonly signals: { readonly id: string; readonly signal: number }[] = [];
  readonly updates: { readonly id: string; readonly resources: object; readonly platform: Platform }[] = [];
  readonly sizes: { readonly id: string; readonly width: number; readonly height: number }[] = [];
  readonly stdinClosed: string[] = [];
  failCloseStdin: Error | undefined;
  failStart: Error | undefined;
  failKill: Error | undefined;
  /** Kills wait until their callers give up, as those of a shim that is stopped do. */
  isHung = false;
  /** SIGKILL is taken, and ends nothing. */
  isStubborn = false;
  failDelete: ((id: string) => Error | undefined) | undefined;
  failUpdate: Error | undefined;
  #lastPid = 1000;

  async create(spec: TaskSpec): Promise<TaskProcess> {
    this.tasks.set(spec.id, { spec, started: false, exit: Promise.withResolvers(), ended: false });
    this.#lastPid += 1;
    return { pid: this.#lastPid };
  }

  adopt(_id: string, process: TaskProcess): TaskProcess {
    return process;
  }

  async start(id: string): Promise<Nanos> {
    if (this.failStart !== undefined) throw this.failStart;
    this.#need(id).started = true;
    return nowNanos();
  }

  async kill(id: string, signalNumber: number, _everyone?: boolean, signal?: AbortSignal): Promise<boolean> {
    if (this.failKill !== undefined) throw this.failKill;
    if (this.isHung) await hang(signal);
    const task = this.tasks.get(id);
    if (task === undefined || task.ended) return false;
    this.signals.push({ id, signal: signalNumber });
    if (signalNumber === 9 && !this.isStubborn) this.end(id, 137);
    return true;
  }

  /** Ends a task, as its process would by itself. */
  end(id: string, exitCode: number): void {
    const task = this.#need(id);
    task.ended = true;
    task.exit.resolve({ kind: 'exited', exit: { exitCode, exitedAt: BigInt(Date.now()) * 1_000_000n } });
  }

  /** Ends the shim of a task, which runs on without it. */
  loseShim(id: string): void {
    const task = this.#need(id);
    task.ended = true;
    task.exit.resolve({ kind: 'shim-died' });
  }

  async wait(id: string, signal: AbortSignal): Promise<TaskEnd> {
    const { exit } = this.#need(id);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    return await Promise.race([exit.promise, aborted]);
  }

  async update(id: string, resources: object, _signal: AbortSignal, platform: Platform = 'linux'): Promise<void> {
    this.#need(id);
    if (this.failUpdate !== undefined) throw this.failUpdate;
    this.updates.push({ id, resources, platform });
  }

  async resize(id: string, size: { readonly width: number; readonly height: number }): Promise<void> {
    this.#need(id);
    this.sizes.push({ id, ...size });
  }

  async closeStdin(id: string): Promise<void> {
    if (this.failCloseStdin !== undefined) throw this.failCloseStdin;
    this.stdinClosed.push(id);
  }

  async delete(id: string): Promise<boolean> {
    const failure = this.failDelete?.(id);
    if (failure !== undefined) throw failure;
    return this.tasks.delete(id);
  }

  async list(): Promise<readonly LiveTask[]> {
    return [...this.tasks].map(([id, task]) => ({
      id,
      pid: 1,
      status: task.ended ? 'stopped' : task.started ? 'running' : 'created',
    }));
  }

  #need(id: string): FakeTask {
    const task = this.tasks.get(id);
    if (task === undefined) throw new EngineError('not-found', `no task ${id}`);
    return task;
  }
}

async function hang(signal: AbortSignal | undefined): Promise<never> {
  return await new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(new EngineError('deadline-exceeded', 'no answer')), { once: true });
  });
}

/** containerd's container objects in memory. */
export class FakeObjects implements ContainerObjects {
  readonly objects = new Map<string, ContainerObject>();

  async create(object: ContainerObject): Promise<void> {
    this.objects.set(object.id, object);
  }

  async delete(id: string): Promise<void> {
    this.objects.delete(id);
  }

  async spec(id: string): Promise<unknown> {
    return this.objects.get(id)?.spec;
  }

  async updateSpec(id: string, spec: unknown): Promise<void> {
    const object = this.objects.get(id);
    if (object === undefined) throw new EngineError('not-found', `no container ${id}`);
    this.objects.set(id, { ...object, spec });
  }

  async list(): Promise<readonly ListedObject[]> {
    return [...this.objects.values()].map(({ id, labels, image }) => ({ id, labels, image, createdAtMs: 0 }));
  }
}

/** Shims in memory. */
export class FakeShimProcesses implements ShimProcesses {
  readonly running: ShimProcess[] = [];
  readonly killed: ShimProcess[] = [];

  async list(): Promise<readonly ShimProcess[]> {
    return [...this.running];
  }

  async kill(shim: ShimProcess): Promise<boolean> {
    const at = this.running.findIndex(({ pid }) => pid === shim.pid);
    if (at === -1) return false;
    this.running.splice(at, 1);
    this.killed.push(shim);
    return true;
  }
}
