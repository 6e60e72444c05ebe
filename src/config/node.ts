import type { Kind, Suffix } from './kind.ts';

/** A row of the schema: one key with its kind, its default as an operator would write it, and what it does. */
export interface Key<T, S extends Suffix, Optional extends boolean> {
  readonly node: 'key';
  readonly kind: Kind<T, S>;
  readonly optional: Optional;
  /** Raw, as in a document. For an optional key an example: absent is its default. */
  readonly sample: unknown;
  readonly doc: string;
}

/** `[name]` and the keys below it. */
export interface Table<C extends Rows> {
  readonly node: 'table';
  readonly doc: string;
  readonly children: C;
}

/** `[name.NAME]`: any number of tables of one shape, under names of the operator's choice. */
export interface NamedTables<C extends Rows> {
  readonly node: 'named';
  readonly doc: string;
  /** What a name must be. */
  readonly nameKind: Kind<string>;
  /** The tables that are there without being written. */
  readonly defaults: readonly string[];
  readonly children: C;
}

export type AnyKey = Key<unknown, Suffix, boolean>;
export type Row = AnyKey | Table<Rows> | NamedTables<Rows>;
export interface Rows {
  readonly [name: string]: Row;
}

export function key<T, S extends Suffix>(kind: Kind<T, S>, sample: unknown, doc: string): Key<T, S, false> {
  return { node: 'key', kind, optional: false, sample, doc };
}

export function optionalKey<T, S extends Suffix>(kind: Kind<T, S>, example: unknown, doc: string): Key<T, S, true> {
  return { node: 'key', kind, optional: true, sample: example, doc };
}

export function table<const C extends Rows>(doc: string, children: C): Table<C> {
  return { node: 'table', doc, children };
}

export function namedTables<const C extends Rows>(
  doc: string,
  nameKind: Kind<string>,
  defaults: readonly string[],
  children: C,
): NamedTables<C> {
  return { node: 'named', doc, nameKind, defaults, children };
}

/** The frozen value's type, derived from the rows: camel case names with the unit appended. */
export type ValueOf<C extends Rows> = {
  readonly [N in keyof C & string as C[N] extends Key<unknown, Suffix, true> ? never : FieldOf<N, C[N]>]: RowValue<
    C[N]
  >;
} & {
  readonly [N in keyof C & string as C[N] extends Key<unknown, Suffix, true> ? FieldOf<N, C[N]> : never]?: RowValue<
    C[N]
  >;
};

/** The run-time twin of FieldOf. */
export function fieldName(name: string, row: Row): string {
  const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return row.node === 'key' ? camel + row.kind.suffix : camel;
}

type RowValue<R> =
  R extends Key<infer T, Suffix, boolean>
    ? T
    : R extends NamedTables<infer C>
      ? Readonly<Record<string, ValueOf<C>>>
      : R extends Table<infer C>
        ? ValueOf<C>
        : never;

type FieldOf<N extends string, R> = R extends Key<unknown, infer S, boolean> ? `${Camel<N>}${S}` : Camel<N>;

type Camel<N extends string> = N extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : N;
