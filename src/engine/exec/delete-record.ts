import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecIds } from './exec-id.ts';
import type { ExecProcesses } from './processes.ts';
import { whenReachable } from './when-reachable.ts';
import type { Reachable } from './when-reachable.ts';

export interface DeleteRecordDeps {
  readonly processes: Pick<ExecProcesses, 'delete'>;
  readonly reachable: Reachable;
}

const FIRST_WAIT_MS = 10;
const LONGEST_WAIT_MS = 1_000;
/** The shim may learn of the end a moment later than we, and some refuse without saying by a code that this is why. */
const ATTEMPTS = 10;

/**
 * Deletes containerd's record of an exec that has ended, or is about to. While containerd is away it waits for it, as long
 * as the signal lets it; what it refuses is tried for some seconds.
 */
export async function deleteRecord(deps: DeleteRecordDeps, ids: ExecIds, signal: AbortSignal): Promise<void> {
  for (let attempt = 1, wait = FIRST_WAIT_MS; ; attempt++, wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    try {
      return await whenReachable(deps.reachable, signal, () => deps.processes.delete(ids, signal));
    } catch (error) {
      if (signal.aborted || attempt === ATTEMPTS) throw error;
      await sleep(wait, undefined, { signal });
    }
  }
}
