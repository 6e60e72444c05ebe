import { setTimeout as sleep } from 'node:timers/promises';
import { isKind } from '../errors.ts';

/** Resolves when containerd can be reached (again). */
export type Reachable = (signal: AbortSignal) => Promise<void>;

const RETRY_MS = 200;
/** How often containerd, reached again, may say that it cannot ask the shim. */
const RETRIES = 10;

/** Makes a call, again when containerd has gone and come back meanwhile: neither process nor output depend on it. */
export async function whenReachable<T>(reachable: Reachable, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await call();
    } catch (error) {
      if (!isKind(error, 'unavailable') || retries === RETRIES) throw error;
      await sleep(RETRY_MS, undefined, { signal });
      await reachable(signal);
    }
  }
}
