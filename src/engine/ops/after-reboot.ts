import { messageOf } from '../errors.ts';
import type { SinceLast } from '../boot-record.ts';
import type { OpsDeps } from './deps.ts';

export interface AfterRebootDeps extends Pick<OpsDeps, 'store' | 'network' | 'sandboxLocks' | 'logger'> {
  readonly images: Pick<OpsDeps['images'], 'verify'>;
  /** All of it is done, as far as it can be: the next start in this boot need not do it again. */
  readonly settled: () => Promise<void>;
}

/** How many pods are taken off their networks at once; the network has a queue of its own for what it forks. */
const PARALLEL_RELEASES = 4;

/**
 * What a restart of the node leaves to be done, while calls are served already: pods of the former boot are taken off their
 * networks (their addresses outlive them on disk), and images are looked at where the node went without a stop.
 */
export class AfterReboot {
  readonly #deps: AfterRebootDeps;
  readonly #closed = new AbortController();
  #doing: Promise<void> = Promise.resolve();

  constructor(deps: AfterRebootDeps) {
    this.#deps = deps;
  }

  begin(since: SinceLast): void {
    if (since.rebooted) this.#doing = this.#do(since);
  }

  /** Resolves when it is done. */
  async done(): Promise<void> {
    await this.#doing;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#doing;
  }

  async #do({ unclean }: SinceLast): Promise<void> {
    const { signal } = this.#closed;
    const { logger, images, settled } = this.#deps;
    try {
      if (unclean) await images.verify(signal);
      await releaseNetworks(this.#deps, signal);
      await settled();
    } catch (error) {
      if (!signal.aborted) logger.error({ error: messageOf(error) }, 'not all that a restart of the node left is done');
    }
  }
}

/** Detaches each pod that is not ready and is still attached. What fails is told, and left to the pod's stop. */
export async function releaseNetworks(
  deps: Pick<AfterRebootDeps, 'store' | 'network' | 'sandboxLocks' | 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  const attached = (await deps.network.attachments()).values();
  const release = async (): Promise<void> => {
    for (const id of attached) {
      signal.throwIfAborted();
      await deps.sandboxLocks.run(id, signal, async () => {
        const record = deps.store.sandboxes.get(id);
        if (record?.state.phase !== 'not-ready') return;
        await deps.network.detach(id, record.namespaces.network, signal).catch((error: unknown) => {
          deps.logger.warn(
            { sandbox: id, error: messageOf(error) },
            'a pod of the former boot holds its address still',
          );
        });
      });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_RELEASES }, release));
}
