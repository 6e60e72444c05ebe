import { EngineError } from '../errors.ts';
import type { OpsDeps } from './deps.ts';

/** Writes a running container's log to a fresh file of its path, after the old one was renamed. */
export async function reopenContainerLog(
  deps: Pick<OpsDeps, 'store' | 'log'>,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const record = deps.store.containers.need(id);
  if (record.state.phase !== 'running') {
    throw new EngineError('failed-precondition', `container ${record.id} is ${record.state.phase}, not running`);
  }
  if (record.logPath === undefined) return;
  await deps.log.reopen(record.id, signal);
}
