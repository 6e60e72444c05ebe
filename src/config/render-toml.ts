import { defaultConfig } from './defaults.ts';
import { fieldName, type AnyKey, type Row, type Rows } from './node.ts';
import { SCHEMA, type Config } from './schema.ts';
import { tomlKey, tomlValue } from './toml-value.ts';
import { wrap } from './wrap.ts';

/** Comments and lists of the default file are wrapped here. */
const COLUMNS = 100;

type Values = Readonly<Record<string, unknown>>;

interface Style {
  readonly comments: boolean;
}

/** Every key with its documentation and its default, as a file to start from: it reads back as the defaults. */
export function defaultToml(): string {
  const lines = document(defaultConfig(), { comments: true });
  return ['# The configuration of davitd. Every value here is the default.', '', ...lines].join('\n');
}

/** The whole configuration as a file that reads back as itself. */
export function dumpToml(config: Config): string {
  return document(config, { comments: false }).join('\n');
}

function document(config: Config, style: Style): readonly string[] {
  return renderTable(SCHEMA, [], config, style);
}

/** A table's own keys come first: in TOML they would belong to the sub-table otherwise. */
function renderTable(rows: Rows, path: readonly string[], values: Values, style: Style): readonly string[] {
  const lines: string[] = [];
  const entries = Object.entries(rows);
  for (const [name, row] of entries) {
    if (row.node === 'key') lines.push(...renderKey(name, row, values[fieldName(name, row)], style));
  }
  if (lines.at(-1) !== '') lines.push('');
  for (const [name, row] of entries) {
    if (row.node !== 'key') lines.push(...renderNested(row, [...path, name], values[fieldName(name, row)], style));
  }
  return lines;
}

function renderNested(
  row: Exclude<Row, AnyKey>,
  path: readonly string[],
  value: unknown,
  style: Style,
): readonly string[] {
  const values = value as Values;
  if (row.node === 'table') return [...heading(row, path, style), ...renderTable(row.children, path, values, style)];
  return Object.entries(values).flatMap(([name, table]) => [
    ...heading(row, [...path, name], style),
    ...renderTable(row.children, [...path, name], table as Values, style),
  ]);
}

function heading(row: { readonly doc: string }, path: readonly string[], style: Style): readonly string[] {
  return [...comment(row.doc, style), `[${path.map(tomlKey).join('.')}]`, ...(style.comments ? [''] : [])];
}

function renderKey(name: string, row: AnyKey, value: unknown, style: Style): readonly string[] {
  const blank = style.comments ? [''] : [];
  if (value !== undefined) return [...comment(row.doc, style), ...assignment(name, row, value), ...blank];
  return style.comments ? [...comment(row.doc, style), `# ${name} = ${tomlValue(row.sample)}`, ''] : [];
}

/** A list too long for a line has one for each of its values. */
function assignment(name: string, row: AnyKey, value: unknown): readonly string[] {
  const raw = row.kind.toRaw(value);
  const line = `${tomlKey(name)} = ${tomlValue(raw)}`;
  if (line.length <= COLUMNS || !Array.isArray(raw)) return [line];
  return [`${tomlKey(name)} = [`, ...raw.map((item) => `  ${tomlValue(item)},`), ']'];
}

function comment(doc: string, style: Style): readonly string[] {
  return style.comments ? wrap(doc, COLUMNS - 2).map((line) => `# ${line}`) : [];
}
