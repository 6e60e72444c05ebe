import { setTimeout as sleep } from 'node:timers/promises';
import { isKind, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { TaskExit, TaskService } from '../runtime/task-types.ts';

/** Called once for each ended task; undefined when containerd knows the task no more, so that its status is lost. */
export type OnExit = (exit: TaskExit | undefined) => Promise<void>;

export interface ContainerExitsDeps {
  readonly tasks: Pick<TaskService, 'wait'>;
  readonly logger: Logger;
  /** Resolves when containerd can be reached (again). */
  readonly reachable: (signal: AbortSignal) => Promise<void>;
  /** Runs work as nobody's: a watch outlives the call that began it. Absent: it is the caller's. */
  readonly detached?: <T>(work: () => T) => T;
}

const RETRY_FIRST_MS = 200;
const RETRY_MOST_MS = 10_000;

/**
 * One watch for each running task. A watch outlives containerd's restarts, and it ends only when its handler has
 * succeeded: an exit is never forgotten because a disk was full when it happened.
 */
export class ContainerExits {
  readonly #deps: ContainerExitsDeps;
  readonly #watches = new Map<string, Promise<void>>();
  readonly #closed = new AbortController();

  constructor(deps: ContainerExitsDeps) {
    this.#deps = deps;
  }

  /** Begins to watch a task, once. Call it before the task is started. */
  watch(id: string, onExit: OnExit): void {
    if (this.#watches.has(id)) return;
    const run = (): Promise<void> => this.#run(id, onExit);
    const watching = (this.#deps.detached?.(run) ?? run()).finally(() => this.#watches.delete(id));
    this.#watches.set(id, watching);
  }

  /** Resolves when the task's exit has been handled; at once when it is not watched. */
  async settled(id: string): Promise<void> {
    await this.#watches.get(id);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.all(this.#watches.values());
  }

  async #run(id: string, onExit: OnExit): Promise<void> {
    const exit = await this.#retried(id, 'wait for its exit', () => this.#waitOnce(id));
    if (exit === 'closed') return;
    await this.#retried(id, 'handle its exit', () => onExit(exit.status));
  }

  async #waitOnce(id: string): Promise<{ readonly status: TaskExit | undefined }> {
    try {
      return { status: await this.#deps.tasks.wait(id, this.#closed.signal) };
    } catch (error) {
      if (isKind(error, 'not-found')) return { status: undefined };
      if (isKind(error, 'unavailable')) await this.#deps.reachable(this.#closed.signal);
      throw error;
    }
  }

  async #retried<T>(id: string, what: string, work: () => Promise<T>): Promise<T | 'closed'> {
    for (let delay = RETRY_FIRST_MS; ; delay = Math.min(delay * 2, RETRY_MOST_MS)) {
      if (this.#closed.signal.aborted) return 'closed';
      try {
        return await work();
      } catch (error) {
        if (this.#closed.signal.aborted) return 'closed';
        this.#deps.logger.warn({ container: id, error: messageOf(error) }, `could not ${what}; trying again`);
        await sleep(delay, undefined, { signal: this.#closed.signal }).catch(() => undefined); // closed: the loop ends
      }
    }
  }
}
