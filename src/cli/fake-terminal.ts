import type { Terminal } from './terminal.ts';

/** A terminal that remembers what was shown, and whose keys a test presses. */
export class FakeTerminal implements Terminal {
  readonly isInteractive: boolean;
  readonly shown: string[] = [];
  isTaken = false;
  #pressed: (key: string) => void = () => undefined;

  constructor(isInteractive: boolean) {
    this.isInteractive = isInteractive;
  }

  take(pressed: (key: string) => void) {
    this.#pressed = pressed;
    this.isTaken = true;
    return {
      show: (text: string) => void this.shown.push(text),
      [Symbol.dispose]: () => void (this.isTaken = false),
    };
  }

  press(key: string): void {
    this.#pressed(key);
  }
}
