import type { ConfigProblem } from './config-error.ts';
import { BadValue } from './kind.ts';
import type { Layer } from './layer.ts';
import { fieldName, type AnyKey, type NamedTables, type Row, type Rows } from './node.ts';
import { closest } from './closest.ts';
import { isTable, typeName } from './toml-value.ts';

export interface Assembled {
  /** Deep-frozen and complete; where there are problems, with defaults in the place of bad values. */
  readonly value: Readonly<Record<string, unknown>>;
  readonly problems: readonly ConfigProblem[];
  /** Where the value at `path` came from; undefined for a default. */
  readonly origin: (path: readonly string[]) => Layer | undefined;
}

interface Entry {
  readonly value: unknown;
  readonly layer: Layer;
}

/** What the layers say so far, by path. Tables merge key by key; lists are replaced whole. */
interface Collected {
  readonly entries: Map<string, Entry>;
  /** The names below each NamedTables, by its path. */
  readonly names: Map<string, Set<string>>;
  readonly problems: ConfigProblem[];
}

/** Defaults, then each layer in order, into one value. Every layer is checked whole, also where a later one wins. */
export function assemble(rows: Rows, layers: readonly Layer[]): Assembled {
  const into: Collected = { entries: new Map(), names: new Map(), problems: [] };
  for (const layer of layers) collectTable(rows, layer, [], layer.tree, into);
  return {
    value: buildTable(rows, [], into),
    problems: into.problems,
    origin: (path) => into.entries.get(at(path))?.layer,
  };
}

function collectTable(
  rows: Rows,
  layer: Layer,
  path: readonly string[],
  tree: Readonly<Record<string, unknown>>,
  into: Collected,
): void {
  for (const [name, raw] of Object.entries(tree)) {
    const here = [...path, name];
    // hasOwn: a key named like a property of every object is as unknown as any other.
    const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
    if (row === undefined) {
      const guess = closest(name, Object.keys(rows));
      report(into, layer, here, guess === undefined ? 'unknown key' : `unknown key; is ${guess} meant?`);
    } else {
      collectRow(row, layer, here, raw, into);
    }
  }
}

function collectRow(row: Row, layer: Layer, path: readonly string[], raw: unknown, into: Collected): void {
  if (row.node === 'key') return collectKey(row, layer, path, raw, into);
  if (!isTable(raw)) return report(into, layer, path, `must be a table, got ${typeName(raw)}`);
  if (row.node === 'table') return collectTable(row.children, layer, path, raw, into);
  collectNamed(row, layer, path, raw, into);
}

function collectNamed(
  row: NamedTables<Rows>,
  layer: Layer,
  path: readonly string[],
  tree: Readonly<Record<string, unknown>>,
  into: Collected,
): void {
  const names = into.names.get(at(path)) ?? new Set<string>();
  into.names.set(at(path), names);
  for (const [name, raw] of Object.entries(tree)) {
    const here = [...path, name];
    if (attempt(into, layer, here, () => row.nameKind.parse(name)) === undefined) continue;
    if (!isTable(raw)) {
      report(into, layer, here, `must be a table, got ${typeName(raw)}`);
      continue;
    }
    names.add(name);
    collectTable(row.children, layer, here, raw, into);
  }
}

function collectKey(row: AnyKey, layer: Layer, path: readonly string[], raw: unknown, into: Collected): void {
  const read = attempt(into, layer, path, () => ({ value: row.kind.parse(raw) }));
  if (read === undefined) return;
  into.entries.set(at(path), { value: read.value, layer });
}

function buildTable(rows: Rows, path: readonly string[], from: Collected): Readonly<Record<string, unknown>> {
  const fields: [string, unknown][] = [];
  for (const [name, row] of Object.entries(rows)) {
    const here = [...path, name];
    const value = row.node === 'key' ? valueOfKey(row, here, from) : buildNested(row, here, from);
    if (value !== undefined) fields.push([fieldName(name, row), value]);
  }
  return deepFreeze(Object.fromEntries(fields));
}

function buildNested(row: Exclude<Row, AnyKey>, path: readonly string[], from: Collected): unknown {
  if (row.node === 'table') return buildTable(row.children, path, from);
  // Looked up by names from requests: without a prototype, `constructor` names nothing.
  const tables = Object.create(null) as Record<string, unknown>;
  const names = new Set([...row.defaults, ...(from.names.get(at(path)) ?? [])]);
  for (const name of names) tables[name] = buildTable(row.children, [...path, name], from);
  return Object.freeze(tables);
}

function valueOfKey(row: AnyKey, path: readonly string[], from: Collected): unknown {
  const entry = from.entries.get(at(path));
  if (entry !== undefined) return entry.value;
  return row.optional ? undefined : row.kind.parse(row.sample);
}

function attempt<T>(into: Collected, layer: Layer, path: readonly string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    report(into, layer, path, error.message);
    return undefined;
  }
}

function report(into: Collected, layer: Layer, path: readonly string[], message: string): void {
  into.problems.push(problemAt(layer, path, message));
}

/** A problem of the key at `path` as `layer` wrote it. */
export function problemAt(layer: Layer, path: readonly string[], message: string): ConfigProblem {
  const line = layer.lineOf(path);
  return { file: layer.source, ...(line === undefined ? {} : { line }), key: layer.nameOf(path), message };
}

function at(path: readonly string[]): string {
  return JSON.stringify(path);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) deepFreeze(item);
  }
  return value;
}
