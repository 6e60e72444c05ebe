/**
 * Aborted with the first of several signals, until it is disposed of. AbortSignal.any() would stay, with all that its
 * listeners hold, for as long as one of the signals might still be aborted.
 */
export class LinkedSignal implements Disposable {
  readonly #controller = new AbortController();
  readonly #sources: readonly AbortSignal[];
  readonly #follow = (): void => {
    const aborted = this.#sources.find((source) => source.aborted);
    if (aborted !== undefined) this.#controller.abort(aborted.reason);
  };

  private constructor(sources: readonly AbortSignal[]) {
    this.#sources = sources;
  }

  static of(...sources: readonly AbortSignal[]): LinkedSignal {
    const linked = new LinkedSignal(sources);
    for (const source of sources) source.addEventListener('abort', linked.#follow);
    linked.#follow();
    return linked;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const source of this.#sources) source.removeEventListener('abort', this.#follow);
  }
}

/** Resolves with the abort. */
export function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  if (signal.aborted) resolve();
  return promise;
}
