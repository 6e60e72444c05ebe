import { parseCommandLine } from './arguments.ts';
import { createClient, type SocketClient } from './client.ts';
import type { Output } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import { CallError, Ended, UsageError } from './errors.ts';
import type { Options } from './options.ts';
import { printable } from './table.ts';
import { processTerminal, type Terminal } from './terminal.ts';
import { commandUsage, usage } from './usage.ts';

export interface CliDeps {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly connect: (address: string) => SocketClient;
  readonly terminal: Terminal;
}

const DEFAULT_SOCKET = 'unix:///run/davit/davit.sock';
const DEFAULT_ADMIN = 'unix:///run/davit/admin.sock';
const DEFAULT_TIMEOUT_SECONDS = 120;
const FAILED = 1;
const MISUSED = 2;

/** Runs one command line and returns the exit code; what goes wrong is one line on stderr. */
export async function runCli(argv: readonly string[], deps: CliDeps): Promise<number> {
  try {
    await run(argv, deps);
    return 0;
  } catch (error) {
    if (error instanceof Ended) return error.code;
    deps.stderr.write(`davit: ${printable(describe(error))}\n`);
    return error instanceof UsageError ? MISUSED : FAILED;
  }
}

/** The dependencies of the real program. */
export function processDeps(): CliDeps {
  const { stdout, stderr, env } = process;
  return { stdout, stderr, env, connect: createClient, terminal: processTerminal() };
}

async function run(argv: readonly string[], deps: CliDeps): Promise<void> {
  const { command, words, options } = parseCommandLine(COMMANDS, argv);
  const help = options.flag('help');
  if (command === undefined && !help) throw new UsageError('no command is given; see davit --help');
  if (command === undefined) return void deps.stdout.write(usage(COMMANDS));
  if (help) return void deps.stdout.write(commandUsage(command));
  const json = wantsJson(options);
  const timeoutMs = (options.count('timeout') ?? DEFAULT_TIMEOUT_SECONDS) * 1000;
  const socket = socketOf(options, deps);
  const client = deps.connect(socket);
  const admin = deps.connect(options.text('admin') ?? (deps.env['DAVIT_ADMIN'] || DEFAULT_ADMIN));
  try {
    const { stdout, stderr, terminal } = deps;
    const nowMs = Date.now();
    await command.run({ socket, client, admin, words, options, stdout, stderr, json, timeoutMs, nowMs, terminal });
  } finally {
    client.close();
    admin.close();
  }
}

function socketOf(options: Options, deps: CliDeps): string {
  return options.text('socket') ?? (deps.env['CONTAINER_RUNTIME_ENDPOINT'] || DEFAULT_SOCKET);
}

function wantsJson(options: Options): boolean {
  const form = options.text('output') ?? 'table';
  if (form !== 'table' && form !== 'json') throw new UsageError(`--output must be table or json, got "${form}"`);
  return form === 'json';
}

function describe(error: unknown): string {
  if (error instanceof CallError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
