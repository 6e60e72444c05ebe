import type { SocketClient } from './client.ts';
import type { Options } from './options.ts';
import type { Terminal } from './terminal.ts';

/** Where text goes; `process.stdout` fits. */
export interface Output {
  write(text: string | Uint8Array): unknown;
}

export interface OptionSpec {
  readonly type: 'boolean' | 'string';
  readonly multiple?: boolean;
  readonly short?: string;
  /** What stands for the value in the help, e.g. SECONDS. */
  readonly value?: string;
  readonly doc: string;
}

/** One command while it runs. */
export interface Call {
  /** Where the CRI is. */
  readonly socket: string;
  /** The CRI. */
  readonly client: SocketClient;
  /** What the CRI lacks: davitd's admin socket, which only root can open. */
  readonly admin: SocketClient;
  readonly words: readonly string[];
  readonly options: Options;
  readonly stdout: Output;
  readonly stderr: Output;
  /** `-o json` was asked for. */
  readonly json: boolean;
  /** For a call that is done when it is answered; 0 waits for ever. */
  readonly timeoutMs: number;
  readonly nowMs: number;
  readonly terminal: Terminal;
}

export interface Command {
  readonly name: string;
  /** What follows the name, for the help and for counting: `ID`, `ID...` for one or more. */
  readonly words: readonly string[];
  readonly doc: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  run(call: Call): Promise<void>;
}

/** Prints a value as `-o json` shows it. */
export function printJson(call: Pick<Call, 'stdout'>, value: unknown): void {
  call.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** One value of a stream of them, on a line of its own. */
export function printJsonLine(call: Pick<Call, 'stdout'>, value: unknown): void {
  call.stdout.write(`${JSON.stringify(value)}\n`);
}
