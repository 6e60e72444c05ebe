import { isKind } from '../errors.ts';
import type { OpsDeps } from './deps.ts';
import { SIGKILL } from './signals.ts';

/** Kills a task; returns when it has ended. One that is gone has ended, though nobody can tell how. */
export async function killTask({ tasks }: Pick<OpsDeps, 'tasks'>, id: string, signal: AbortSignal): Promise<void> {
  if (await tasks.kill(id, SIGKILL, true, signal)) await awaitEnd({ tasks }, id, signal);
}

/** Returns when a task has ended, or is gone. */
export async function awaitEnd({ tasks }: Pick<OpsDeps, 'tasks'>, id: string, signal: AbortSignal): Promise<void> {
  try {
    await tasks.wait(id, signal);
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error;
  }
}
