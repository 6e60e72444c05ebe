/** Calls back once, when touch() has not been called for a while. */
export class IdleTimer implements Disposable {
  readonly #timeoutMs: number;
  readonly #onIdle: () => void;
  #lastTouch = performance.now();
  #timer: NodeJS.Timeout | undefined;

  private constructor(timeoutMs: number, onIdle: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onIdle = onIdle;
  }

  static start(timeoutMs: number, onIdle: () => void): IdleTimer {
    const timer = new IdleTimer(timeoutMs, onIdle);
    timer.#wait(timeoutMs);
    return timer;
  }

  /** Cheap: it is called for every piece of data. */
  touch(): void {
    this.#lastTouch = performance.now();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), ms);
    this.#timer.unref();
  }

  #look(): void {
    const left = this.#lastTouch + this.#timeoutMs - performance.now();
    if (left > 0) this.#wait(left);
    else this.#onIdle();
  }
}
