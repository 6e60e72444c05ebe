import { GLOBAL_OPTIONS } from './arguments.ts';
import type { Command, OptionSpec } from './command.ts';
import { renderTable } from './table.ts';

/** What `davit --help` prints. */
export function usage(commands: readonly Command[]): string {
  const list = commands.map((command) => [`  ${[command.name, ...command.words].join(' ')}`, command.doc]);
  return [
    'davit shows and steers the pods, containers and images of davitd.\n',
    'usage: davit [options] COMMAND\n',
    columns(list),
    'An id may be shortened to a prefix that no other has. `davit COMMAND --help` shows the options of a command.\n',
    `options:\n${optionList(GLOBAL_OPTIONS)}`,
  ].join('\n');
}

/** What `davit COMMAND --help` prints. */
export function commandUsage(command: Command): string {
  return [
    `${command.doc}\n`,
    `usage: davit [options] ${[command.name, ...command.words].join(' ')}\n`,
    `options:\n${optionList({ ...command.options, ...GLOBAL_OPTIONS })}`,
  ].join('\n');
}

function optionList(options: Readonly<Record<string, OptionSpec>>): string {
  return columns(
    Object.entries(options).map(([name, { short, value, doc }]) => {
      const names = short === undefined ? `--${name}` : `-${short}, --${name}`;
      return [`  ${value === undefined ? names : `${names} ${value}`}`, doc];
    }),
  );
}

function columns(rows: readonly (readonly string[])[]): string {
  const [head = [], ...rest] = rows;
  return renderTable(head, rest);
}
