import { LIVE_KEYS } from './changes.ts';
import { flagName } from './flags.ts';
import type { AnyKey, Row, Rows } from './node.ts';
import { SCHEMA } from './schema.ts';
import { tomlValue } from './toml-value.ts';

/** docs/configuration.md, made from the schema; a test holds the committed page to it. */
export function configReference(): string {
  return [
    '# Configuration of davitd',
    '',
    'This page is made from the schema in `src/config/schema.ts` by `npm run generate:docs`.',
    '',
    'davitd reads `/etc/davit/config.toml`, or the file that `--config` names. Without that default file it runs on the',
    'defaults below; a file that `--config` names must be there. Then come the drop-ins `conf.d/*.toml` beside that file, in',
    'the order of their names, then the flags. What comes later wins key by key; a list is replaced whole.',
    '',
    'Durations and sizes are strings with units: `"10s"`, `"1m30s"`, `"16KiB"`. An unknown key, a wrong type or a bad value',
    'is an error: davitd names the file, the line and the key of each problem, and exits with code 2.',
    '',
    '- `davitd config default` prints a file with every key, its default and what it does.',
    '- `davitd config check [flags]` reads everything and says what is wrong.',
    '- `davitd config dump [flags]` prints the values that are in force.',
    '',
    '## Reload',
    '',
    'On SIGHUP davitd reads all of it again. With anything wrong in it nothing changes, and the log names file, line and key',
    `of each problem. Else these are applied at once: ${LIVE_KEYS.map((key) => `\`${key}\``).join(', ')}; other keys that have`,
    'changed are named in the log and wait for a restart. Pods and containers go on in any case; a handler that is gone takes',
    'no new ones. Who makes cgroups (`SystemdCgroup`) cannot change without a restart, and then no change of `handlers` is applied.',
    '',
    ...section('Top level', 'Each of these keys is a flag too.', SCHEMA, true),
    ...nested(SCHEMA, ''),
  ].join('\n');
}

function nested(rows: Rows, prefix: string): readonly string[] {
  return Object.entries(rows).flatMap(([name, row]) => {
    if (row.node === 'key') return [];
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const title = row.node === 'named' ? `${path}.NAME` : path;
    const there = row.node === 'named' ? ` There without being written: ${row.defaults.join(', ')}.` : '';
    return [...section(`[${title}]`, `${row.doc}${there}`, row.children, false), ...nested(row.children, title)];
  });
}

function section(title: string, doc: string, rows: Rows, flags: boolean): readonly string[] {
  const keys = Object.entries(rows).filter((entry): entry is [string, AnyKey] => isKey(entry[1]));
  const lines = keys.map(([name, key]) => {
    const names = flags ? `\`${name}\`<br>\`${flagName(name)}\`` : `\`${name}\``;
    const value = key.optional ? 'absent' : code(key.sample);
    return `| ${[names, cell(key.kind.name), value, cell(key.doc)].join(' | ')} |`;
  });
  const heading = flags ? 'key, flag' : 'key';
  return [`## ${title}`, '', doc, '', `| ${heading} | kind | default | |`, '|---|---|---|---|', ...lines, ''];
}

function isKey(row: Row): row is AnyKey {
  return row.node === 'key';
}

function code(value: unknown): string {
  return `\`${cell(tomlValue(value))}\``;
}

/** A bar would end the table's cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
