import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, nodeEnv } from './node.ts';
import { must, run } from './run.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Of an 80 × 24 terminal nothing could be told from a default. */
export const UNUSUAL_SIZE: Size = { width: 91, height: 33 };

/** Runs the program as a shell does, and stays: tmux may lose the last words of what ends. */
const RUNNER = 'trap : INT; "$@"; code=$?; echo; echo "[ended: $code]"; exec sleep 100000';
const ENDED = /^\[ended: (\d+)\]$/m;

/** A terminal as people sit at: a program in a tmux of its own. */
export class Terminal implements AsyncDisposable {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Runs the program in a new terminal, which stays after its end. */
  static async run(command: readonly string[], { width, height }: Size = UNUSUAL_SIZE): Promise<Terminal> {
    const terminal = new Terminal(await mkdtemp(join(tmpdir(), 'dvt-')));
    const options = ['status off', 'history-limit 10000'];
    const settings = options.flatMap((option) => ['set-option', '-g', ...option.split(' '), ';']);
    const runner = ['sh', '-c', RUNNER, 'sh', ...command];
    const size = ['-x', String(width), '-y', String(height)];
    await terminal.#tmux('start-server', ';', ...settings, 'new-session', '-d', ...size, ...runner);
    return terminal;
  }

  /** Types the text as it is. */
  async type(text: string): Promise<void> {
    await this.#tmux('send-keys', '-l', text);
  }

  async line(text: string): Promise<void> {
    await this.type(text);
    await this.press('Enter');
  }

  /** Presses keys by tmux's names: `C-c`, `Enter`. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys);
  }

  async resize({ width, height }: Size): Promise<void> {
    await this.#tmux('resize-window', '-x', String(width), '-y', String(height));
  }

  /** All lines, those that have left the screen at the top too; long ones in one piece. */
  async text(): Promise<string> {
    return await this.#tmux('capture-pane', '-p', '-J', '-S', '-');
  }

  /** Waits until the text is there. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    let text = '';
    try {
      return await eventually(String(pattern), async () => {
        text = await this.text();
        return pattern.exec(text) ?? undefined;
      });
    } catch (error) {
      throw new Error(`the terminal shows no ${String(pattern)}, but:\n${text.trim()}`, { cause: error });
    }
  }

  /** Waits for the program's end, and gives its exit code. */
  async ended(): Promise<number> {
    return Number((await this.shows(ENDED))[1]);
  }

  /** The process of the program, while it runs. */
  async pid(): Promise<number> {
    const runner = await this.#tmux('display-message', '-p', '#{pane_pid}');
    return Number(await readFile(`/proc/${runner}/task/${runner}/children`, 'utf8'));
  }

  /** Ends the program with its terminal, as if the window were closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await run('tmux', [...this.#socket, 'kill-server']);
    await rm(this.#dir, { recursive: true });
  }

  get #socket(): readonly string[] {
    return ['-S', join(this.#dir, 'tmux'), '-f', '/dev/null'];
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    // Without a language tmux would take the terminal for one of seven bits.
    return await must('tmux', ['-u', ...this.#socket, ...args], nodeEnv());
  }
}
