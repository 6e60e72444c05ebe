import { messageOf } from './errors.ts';

/** Undo of one thing that was done. Must be idempotent: it may run after a half-done `do`, and once more after a late one. */
export type Undo = (signal: AbortSignal, failedSoFar: readonly UndoFailure[]) => Promise<void>;

export interface UndoFailure {
  readonly name: string;
  readonly message: string;
}

interface Entry {
  readonly name: string;
  readonly undo: Undo;
  readonly deadlineMs: number;
}

/**
 * A list of named undos, run last in, first out. Each has a deadline of its own, a failed one does not stop the others,
 * and later ones are told which failed before them (the undo of "persist the intent" keeps the record then).
 */
export class Rollback {
  readonly #entries: Entry[] = [];

  /** Register the undo before the thing is done. */
  add(name: string, undo: Undo, deadlineMs: number): void {
    this.#entries.push({ name, undo, deadlineMs });
  }

  /** Runs and forgets every undo. Never rejects. */
  async run(): Promise<readonly UndoFailure[]> {
    const failures: UndoFailure[] = [];
    for (let entry = this.#entries.pop(); entry !== undefined; entry = this.#entries.pop()) {
      const signal = AbortSignal.timeout(entry.deadlineMs);
      try {
        await within(signal, entry.undo(signal, [...failures]));
      } catch (error) {
        failures.push({ name: entry.name, message: messageOf(error) });
      }
    }
    return failures;
  }
}

/** Waits for `work`, but no longer than until `signal` aborts; then rejects with the signal's reason. */
export async function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  work.catch(() => undefined); // its rejection is reported by the race, or comes too late for anyone
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
