import { isKind, messageOf } from './errors.ts';
import type { Logger } from './logger.ts';

export interface ThroughOutagesDeps {
  /** Resolves when containerd can be asked, however long that takes. */
  readonly reachable: (signal: AbortSignal) => Promise<void>;
  readonly logger: Logger;
}

/** Does `work` once containerd is there, and from its beginning again when containerd goes meanwhile. */
export async function throughOutages(
  { reachable, logger }: ThroughOutagesDeps,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  for (;;) {
    await reachable(signal);
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !isKind(error, 'unavailable')) throw error;
      logger.warn({ error: messageOf(error) }, 'containerd went away while davitd started; beginning again');
    }
  }
}
