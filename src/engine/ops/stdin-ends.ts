import { setTimeout as sleep } from 'node:timers/promises';
import { isKind, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { TaskService } from '../runtime/task-types.ts';

export interface StdinEndsDeps {
  readonly tasks: Pick<TaskService, 'closeStdin'>;
  readonly logger: Logger;
  /** Resolves when containerd can be reached (again). */
  readonly reachable: (signal: AbortSignal) => Promise<void>;
}

const RETRY_FIRST_MS = 200;
const RETRY_MOST_MS = 10_000;

/**
 * Has shims let go of the stdin that a container's first attached client has ended: a shim holds a writer of its own, and
 * the container finds its stdin ended when that, the last one, goes. Tried until it works, also after containerd was away.
 */
export class StdinEnds {
  readonly #deps: StdinEndsDeps;
  readonly #closing = new Map<string, Promise<void>>();
  readonly #closed = new AbortController();

  constructor(deps: StdinEndsDeps) {
    this.#deps = deps;
  }

  /** Begins to close; a second time while it is at it is nothing. */
  end(containerId: string): void {
    if (this.#closing.has(containerId) || this.#closed.signal.aborted) return;
    const closing = this.#run(containerId).finally(() => this.#closing.delete(containerId));
    this.#closing.set(containerId, closing);
  }

  /** What is not done then is done after the next start. */
  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.all(this.#closing.values());
  }

  async #run(containerId: string): Promise<void> {
    const { signal } = this.#closed;
    for (let delay = RETRY_FIRST_MS; !signal.aborted; delay = Math.min(delay * 2, RETRY_MOST_MS)) {
      try {
        await this.#deps.reachable(signal);
        return await this.#deps.tasks.closeStdin(containerId, signal);
      } catch (error) {
        if (signal.aborted || isKind(error, 'not-found')) return;
        const level = isKind(error, 'unavailable') ? 'debug' : 'warn'; // containerd is away, or davitd has just started
        this.#deps.logger[level](
          { container: containerId, error: messageOf(error) },
          'could not close its stdin; trying again',
        );
        await sleep(delay, undefined, { signal }).catch(() => undefined); // closed: the loop ends
      }
    }
  }
}
