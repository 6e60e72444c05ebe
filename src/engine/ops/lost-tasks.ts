import { messageOf } from '../errors.ts';
import type { Service } from '../lifecycle.ts';
import { deleteOwedTask } from './handle-exit.ts';
import type { HandleExitDeps } from './handle-exit.ts';

export interface LostTasksDeps extends HandleExitDeps {
  readonly containerd: HandleExitDeps['containerd'] & {
    /** The answer unsubscribes. */
    onChange(listener: (status: { readonly ready: boolean }) => void): () => void;
  };
}

const LIST_DEADLINE_MS = 30_000;

/**
 * Each time containerd has been away and is back, compares its tasks with the records: tasks whose end is recorded are
 * deleted, and what containerd has forgotten of what runs is told. Exits themselves have been learnt from the shims.
 */
export class LostTasks implements Service {
  readonly name = 'lost tasks';
  readonly #deps: LostTasksDeps;
  readonly #closed = new AbortController();
  #unsubscribe: (() => void) | undefined;
  #comparing: Promise<void> = Promise.resolve();

  constructor(deps: LostTasksDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    this.#unsubscribe ??= this.#deps.containerd.onChange(({ ready }) => {
      if (ready) this.#comparing = this.#comparing.then(() => this.#compare());
    });
  }

  async close(): Promise<void> {
    this.#unsubscribe?.();
    this.#closed.abort();
    await this.#comparing;
  }

  async #compare(): Promise<void> {
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(LIST_DEADLINE_MS)]);
    try {
      const found = await compareTasks(this.#deps, signal);
      this.#deps.logger.info({ ...found }, 'containerd is back; its tasks are compared with the records');
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      this.#deps.logger.warn({ error: messageOf(error) }, 'could not compare the tasks of containerd, which was away');
    }
  }
}

/** Once. Answers how many tasks are to be deleted, and how many containers run without one. */
export async function compareTasks(
  deps: HandleExitDeps,
  signal: AbortSignal,
): Promise<{ readonly ended: number; readonly forgotten: number }> {
  const running = deps.store.containers.all().filter((record) => record.state.phase === 'running');
  const tasks = new Set((await deps.tasks.list(signal)).map((task) => task.id));
  // What ended while the list was on its way is nothing to tell.
  const forgotten = running.filter(
    ({ id }) => !tasks.has(id) && deps.store.containers.get(id)?.state.phase === 'running',
  );
  for (const { id } of forgotten) {
    deps.logger.warn({ container: id }, 'containerd has forgotten the task of a container that its shim still runs');
  }
  const ended = deps.store.containers.all().filter(({ id, state }) => state.phase === 'exited' && tasks.has(id));
  for (const { id } of ended) deps.exits.owe(id, () => deleteOwedTask(deps, id));
  return { ended: ended.length, forgotten: forgotten.length };
}
