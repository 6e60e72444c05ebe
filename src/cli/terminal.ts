/** What a program that draws on the screen needs of a terminal. */
export interface Terminal {
  /** Whether output goes to one and keys come from it. */
  readonly isInteractive: boolean;
  /**
   * Takes the whole screen and every key until disposed; the screen is then as before, also when the process is told to
   * end meanwhile. `pressed` gets each key as its character.
   */
  take(pressed: (key: string) => void): Screen;
}

export interface Screen extends Disposable {
  /** Replaces what is shown; what does not fit is cut. */
  show(text: string): void;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Where the terminal does not know its size. */
const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };
/** The second screen, which has no history, and no cursor on it. */
const ENTER = '\u001B[?1049h\u001B[?25l';
const LEAVE = '\u001B[?25h\u001B[?1049l';
const ENDING = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const;
/** A shell's exit code for a program that was ended by a signal. */
const SIGNALLED = 128;
const SIGTERM = 15;

export function processTerminal(): Terminal {
  const { stdin, stdout } = process;
  return {
    isInteractive: stdin.isTTY && stdout.isTTY,
    take(pressed) {
      const onData = (keys: Buffer): void => Array.from(keys.toString('utf8')).forEach((key) => pressed(key));
      const restore = (): void => {
        stdout.write(LEAVE);
        stdin.setRawMode(false);
      };
      const onSignal = (): void => {
        restore();
        process.exit(SIGNALLED + SIGTERM);
      };
      for (const signal of ENDING) process.once(signal, onSignal);
      stdout.write(ENTER);
      stdin.setRawMode(true);
      stdin.on('data', onData);
      const size = () => ({ columns: stdout.columns || DEFAULT_SIZE.columns, rows: stdout.rows || DEFAULT_SIZE.rows });
      return {
        show: (text) => void stdout.write(frame(text, size())),
        [Symbol.dispose]() {
          for (const signal of ENDING) process.off(signal, onSignal);
          stdin.off('data', onData);
          stdin.pause();
          restore();
        },
      };
    },
  };
}

/** A picture that replaces the last one without flicker: from the top, each line to its end, and nothing below. */
export function frame(text: string, { columns, rows }: TerminalSize): string {
  const lines = text.trimEnd().split('\n');
  const shown = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more`];
  return `\u001B[H${shown.map((line) => `${Array.from(line).slice(0, columns).join('')}\u001B[K`).join('\r\n')}\u001B[J`;
}
