import { parseArgs } from 'node:util';
import type { Command, OptionSpec } from './command.ts';
import { UsageError } from './errors.ts';
import { Options } from './options.ts';

/** Options of every command. */
export const GLOBAL_OPTIONS = {
  socket: {
    type: 'string',
    value: 'ADDRESS',
    doc: "davitd's socket. Default: CONTAINER_RUNTIME_ENDPOINT, else unix:///run/davit/davit.sock.",
  },
  admin: {
    type: 'string',
    value: 'ADDRESS',
    doc: "davitd's admin socket, for top, events, pulls and dump. Default: DAVIT_ADMIN, else unix:///run/davit/admin.sock.",
  },
  output: { type: 'string', short: 'o', value: 'table|json', doc: 'The form of the answer. Default: table.' },
  timeout: { type: 'string', value: 'SECONDS', doc: 'When to give up a call. Default: 120; 0: never.' },
  help: { type: 'boolean', short: 'h', doc: 'Print help.' },
} as const satisfies Readonly<Record<string, OptionSpec>>;

export interface Parsed {
  /** Absent: help is asked for without a command. */
  readonly command?: Command;
  readonly words: readonly string[];
  readonly options: Options;
}

/** The options of every command may stand before its name too. Throws UsageError. */
export function parseCommandLine(commands: readonly Command[], argv: readonly string[]): Parsed {
  const name = commandName(argv);
  const command = commands.find((each) => each.name === name);
  if (name !== undefined && command === undefined)
    throw new UsageError(`there is no command ${name}; see davit --help`);
  const { values, positionals } = parse(argv, { ...GLOBAL_OPTIONS, ...command?.options });
  const options = new Options(values);
  if (command === undefined) return { words: [], options };
  const words = positionals.slice(1);
  if (!options.flag('help')) checkWords(command, words);
  return { command, words, options };
}

/** The first word that is no option and no option's value. */
function commandName(argv: readonly string[]): string | undefined {
  const { tokens } = parseArgs({
    args: [...argv],
    options: GLOBAL_OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return tokens.find((token) => token.kind === 'positional')?.value;
}

function parse(argv: readonly string[], specs: Readonly<Record<string, OptionSpec>>) {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) },
    ]),
  );
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    // Node adds advice about dashes, which reads as noise here.
    const [message = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new UsageError(message);
  }
}

function checkWords(command: Command, words: readonly string[]): void {
  const many = command.words.at(-1)?.endsWith('...') === true;
  const missing = command.words[words.length];
  const beyond = words[command.words.length];
  const usage = `usage: davit ${[command.name, ...command.words].join(' ')}`;
  if (missing !== undefined) throw new UsageError(`${missing.replace('...', '')} is missing; ${usage}`);
  if (beyond !== undefined && !many) throw new UsageError(`"${beyond}" is one word too many; ${usage}`);
}
