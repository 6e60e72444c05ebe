import { within } from './rollback.ts';

/** Shut until it is opened, once. */
export class ReadyGate {
  readonly #opened = Promise.withResolvers<void>();
  #isOpen = false;

  open(): void {
    this.#isOpen = true;
    this.#opened.resolve();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#isOpen) await within(signal, this.#opened.promise);
  }
}
