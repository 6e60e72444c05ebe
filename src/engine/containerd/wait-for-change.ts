/** The largest delay that a timer takes, in ms. */
const FOR_EVER_MS = 2 ** 31 - 1;

/**
 * Resolves at the next change that `subscribe` tells of, or when the signal is aborted; the caller looks which. Keeps the
 * process alive meanwhile: a channel that waits to try again does not.
 */
export function waitForChange(subscribe: (listener: () => void) => () => void, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const alive = setInterval(() => undefined, FOR_EVER_MS);
    const done = (): void => {
      clearInterval(alive);
      unsubscribe();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const unsubscribe = subscribe(done);
    signal.addEventListener('abort', done, { once: true });
  });
}
