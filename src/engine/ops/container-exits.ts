import { setTimeout as sleep } from 'node:timers/promises';
import { isKind, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { within } from '../rollback.ts';
import type { TaskEnd, TaskExit, TaskService } from '../runtime/task-types.ts';

/** Called once for each ended task; undefined when neither shim nor containerd knows it any more: its status is lost. */
export type OnEnd = (end: TaskEnd | undefined) => Promise<void>;

export interface ContainerExitsDeps {
  readonly tasks: Pick<TaskService, 'wait'>;
  readonly logger: Logger;
  /** Resolves when containerd can be reached (again). */
  readonly reachable: (signal: AbortSignal) => Promise<void>;
  /** Runs work as nobody's: a watch outlives the call that began it. Absent: it is the caller's. */
  readonly detached?: <T>(work: () => T) => T;
}

interface Watch {
  readonly ended: Promise<void>;
  /** Those who wait for its end. */
  readonly waiting: Set<() => void>;
}

const RETRY_FIRST_MS = 200;
const RETRY_MOST_MS = 10_000;

/**
 * One watch for each running task. A watch outlives containerd's restarts, and it ends only when its handler has
 * succeeded: an exit is never forgotten because a disk was full when it happened.
 */
export class ContainerExits {
  readonly #deps: ContainerExitsDeps;
  readonly #watches = new Map<string, Watch>();
  readonly #owed = new Map<string, Promise<void>>();
  readonly #declared = new Map<string, (exit: TaskExit) => void>();
  readonly #closed = new AbortController();

  constructor(deps: ContainerExitsDeps) {
    this.#deps = deps;
  }

  /** Begins to watch a task, once. Call it before the task is started. */
  watch(id: string, onEnd: OnEnd): void {
    if (this.#watches.has(id)) return;
    const run = (): Promise<void> => this.#run(id, onEnd);
    const waiting = new Set<() => void>();
    const ended = (this.#deps.detached?.(run) ?? run()).finally(() => {
      this.#watches.delete(id);
      for (const resolve of waiting) resolve();
    });
    this.#watches.set(id, { ended, waiting });
  }

  /**
   * Resolves when the task's exit has been handled; at once when it is not watched. Rejects when `signal` aborts first,
   * and leaves no trace: a container may live for years, with many who asked.
   */
  async settled(id: string, signal?: AbortSignal): Promise<void> {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    watch.waiting.add(resolve);
    try {
      await (signal === undefined ? promise : within(signal, promise));
    } finally {
      watch.waiting.delete(resolve);
    }
  }

  /**
   * Has `work` done as soon as containerd can be reached, and again until it succeeds; once for each task. What is still
   * owed at the end is found by the next start's restore.
   */
  owe(id: string, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.#owed.has(id)) return;
    const doing = this.#settle(id, work).finally(() => this.#owed.delete(id));
    this.#owed.set(id, doing);
  }

  /** Ends the wait for a task's exit: it has ended, and nobody else will tell. Nothing where it is not waited for. */
  declare(id: string, exit: TaskExit): void {
    this.#declared.get(id)?.(exit);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    const ended = [...this.#watches.values()].map((watch) => watch.ended);
    await Promise.all([...ended, ...this.#owed.values()]);
  }

  async #run(id: string, onEnd: OnEnd): Promise<void> {
    const ended = await this.#endOf(id);
    if (ended === 'closed') return;
    await this.#retried(id, 'handle its exit', () => onEnd(ended.end));
  }

  async #endOf(id: string): Promise<{ readonly end: TaskEnd | undefined } | 'closed'> {
    const declared = Promise.withResolvers<{ readonly end: TaskEnd }>();
    const over = new AbortController();
    this.#declared.set(id, (exit) => declared.resolve({ end: { kind: 'exited', exit } }));
    const signal = AbortSignal.any([this.#closed.signal, over.signal]);
    try {
      const waited = this.#retried(id, 'wait for its exit', () => this.#waitOnce(id, signal), signal);
      return await Promise.race([waited, declared.promise]);
    } finally {
      this.#declared.delete(id);
      over.abort();
    }
  }

  async #waitOnce(id: string, signal: AbortSignal): Promise<{ readonly end: TaskEnd | undefined }> {
    try {
      return { end: await this.#deps.tasks.wait(id, signal) };
    } catch (error) {
      if (isKind(error, 'not-found')) return { end: undefined };
      if (isKind(error, 'unavailable')) await this.#deps.reachable(signal);
      throw error;
    }
  }

  async #settle(id: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#closed;
    await this.#retried(id, 'do what is owed to containerd', async () => {
      await this.#deps.reachable(signal);
      await work(signal);
    });
  }

  async #retried<T>(
    id: string,
    what: string,
    work: () => Promise<T>,
    signal: AbortSignal = this.#closed.signal,
  ): Promise<T | 'closed'> {
    for (let delay = RETRY_FIRST_MS; ; delay = Math.min(delay * 2, RETRY_MOST_MS)) {
      if (signal.aborted) return 'closed';
      try {
        return await work();
      } catch (error) {
        if (signal.aborted) return 'closed';
        this.#deps.logger.warn({ container: id, error: messageOf(error) }, `could not ${what}; trying again`);
        await sleep(delay, undefined, { signal }).catch(() => undefined); // closed: the loop ends
      }
    }
  }
}
