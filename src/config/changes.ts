import { isDeepStrictEqual } from 'node:util';
import { fieldName, type Row, type Rows } from './node.ts';
import { SCHEMA, type Config } from './schema.ts';

/** Keys and tables at top level that davitd applies while it runs; all others need a restart. */
export const LIVE_KEYS = ['log_level', 'registry_config_path', 'images', 'limits', 'reconcile', 'handlers'] as const;

export type LiveKey = (typeof LIVE_KEYS)[number];

/** Dotted keys of what differs, as they stand in a file, by what becomes of them. */
export interface ConfigChanges {
  readonly live: readonly string[];
  readonly needRestart: readonly string[];
}

/** Compares two configurations key by key; `held` are tables of LIVE_KEYS that cannot be applied this time. */
export function compareConfigs(before: Config, after: Config, held: readonly LiveKey[] = []): ConfigChanges {
  const changed = changedKeys(SCHEMA, before, after, '');
  const live = LIVE_KEYS.filter((key) => !held.includes(key));
  const isLive = (key: string): boolean => live.some((each) => key === each || key.startsWith(`${each}.`));
  return { live: changed.filter(isLive), needRestart: changed.filter((key) => !isLive(key)) };
}

/** The configuration that runs once what may change live has: the rest is as it was. */
export function withLiveKeys(running: Config, next: Config, held: readonly LiveKey[] = []): Config {
  const { logLevel, registryConfigPath, images, limits, reconcile } = next;
  const { handlers } = held.includes('handlers') ? running : next;
  return Object.freeze({ ...running, logLevel, registryConfigPath, images, limits, reconcile, handlers });
}

function changedKeys(rows: Rows, before: unknown, after: unknown, prefix: string): readonly string[] {
  return Object.entries(rows).flatMap(([name, row]) => {
    const field = fieldName(name, row);
    return changedRow(row, fieldOf(before, field), fieldOf(after, field), prefix + name);
  });
}

function changedRow(row: Row, before: unknown, after: unknown, path: string): readonly string[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (row.node === 'key') return [path];
  if (row.node === 'table') return changedKeys(row.children, before, after, `${path}.`);
  const names = new Set([...namesIn(before), ...namesIn(after)]);
  return [...names].flatMap((name) => {
    const [was, is] = [fieldOf(before, name), fieldOf(after, name)];
    // A whole table that came or went is one change.
    if (was === undefined || is === undefined) return [`${path}.${name}`];
    return changedKeys(row.children, was, is, `${path}.${name}.`);
  });
}

function namesIn(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[field] : undefined;
}
