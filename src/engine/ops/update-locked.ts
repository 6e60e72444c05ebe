import { EngineError } from '../errors.ts';
import { within } from '../rollback.ts';
import type { ContainerRecord } from '../store/index.ts';
import type { OpsDeps } from './deps.ts';

/**
 * Runs an update of a container that is created or running, found by id or prefix, under its lock; any other is
 * failed-precondition. Half an update would be neither the old limits nor the new ones: it goes on when its caller goes.
 */
export async function updateLocked(
  deps: Pick<OpsDeps, 'store' | 'containerLocks'>,
  id: string,
  signal: AbortSignal,
  update: (record: ContainerRecord, phase: 'created' | 'running', signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { id: whole } = deps.store.containers.need(id);
  const never = new AbortController().signal;
  const work = deps.containerLocks.run(whole, never, async () => {
    const record = deps.store.containers.need(whole);
    const { phase } = record.state;
    if (phase !== 'created' && phase !== 'running') {
      throw new EngineError(
        'failed-precondition',
        `container ${whole} is ${phase}; only a created or running one is updated`,
      );
    }
    await update(record, phase, never);
  });
  await within(signal, work);
}
