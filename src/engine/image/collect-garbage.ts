import type { Clients } from '../containerd/clients.ts';
import { acquireLease } from '../containerd/leases.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';

export interface CollectGarbageDeps {
  readonly clients: Pick<Clients, 'leases'>;
  readonly logger: Logger;
}

const COLLECT_DEADLINE_MS = 60_000;

/**
 * Lets containerd give back now what nothing refers to any more: whoever removes an image wants its space. The end of a
 * lease is what can ask for it. Never throws: containerd collects by itself too, later.
 */
export async function collectGarbage({ clients, logger }: CollectGarbageDeps, signal: AbortSignal): Promise<void> {
  try {
    const lease = await acquireLease(
      { clients, logger },
      { purpose: 'collect', expiresInMs: COLLECT_DEADLINE_MS },
      signal,
    );
    await clients.leases.delete({ id: lease.id, sync: true }, { signal, deadlineMs: COLLECT_DEADLINE_MS });
  } catch (error) {
    logger.info({ error: messageOf(error) }, 'space of removed images is given back later');
  }
}
