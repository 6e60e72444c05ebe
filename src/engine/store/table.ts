import { EngineError, invalidField } from '../errors.ts';
import { KeyedMutex } from '../keyed-mutex.ts';
import type { Clock } from '../clock.ts';
import { deepFreeze } from './records.ts';
import type { DamagedRecord, RecordFiles } from './record-files.ts';

/** What a table must know of its records. */
export interface TableSpec<R> {
  /** The noun for messages: "sandbox", "container". */
  readonly noun: string;
  /** The name that must be unique, e.g. of a pod's uid, name and attempt. */
  readonly nameOf: (record: R) => string;
  readonly encode: (record: R) => string;
  readonly decode: (text: string) => R;
}

interface Row {
  readonly id: string;
  readonly createdAt: bigint;
  readonly state: { readonly phase: string };
}

/** Told of each change once it is visible; undefined stands for no record. Must not throw. */
export type Watcher<R> = (before: R | undefined, after: R | undefined) => void;

const ID_LENGTH = 64;

/**
 * The records of one kind: an immutable object for each id in memory, a file for each on disk. A change is durable before
 * it is seen, and changes of one id follow each other. Reads are synchronous.
 */
export class Table<R extends Row> {
  readonly #files: RecordFiles;
  readonly #spec: TableSpec<R>;
  readonly #clock: Clock;
  readonly #rows = new Map<string, R>();
  readonly #names = new Map<string, string>();
  readonly #writes = new KeyedMutex<string>();
  #damaged: readonly DamagedRecord[] = [];
  #visible: readonly R[] | undefined;
  readonly #watchers: Watcher<R>[] = [];

  constructor(files: RecordFiles, spec: TableSpec<R>, clock: Clock) {
    this.#files = files;
    this.#spec = spec;
    this.#clock = clock;
  }

  async start(): Promise<void> {
    await this.#files.start();
    const { records, damaged } = await this.#files.load(this.#spec.decode);
    this.#damaged = damaged;
    for (const record of records) {
      this.#clock.observe(record.createdAt);
      this.#names.set(this.#spec.nameOf(record), record.id);
      this.#set(record);
    }
  }

  /** For as long as the table lives; what is loaded at the start is no change. */
  watch(watcher: Watcher<R>): void {
    this.#watchers.push(watcher);
  }

  /** Records that could not be read: reported, and nothing of theirs is ever removed. */
  get damaged(): readonly DamagedRecord[] {
    return this.#damaged;
  }

  /** No record at all, not even one that cannot be read. */
  get isEmpty(): boolean {
    return this.#rows.size === 0 && this.#damaged.length === 0;
  }

  /** Takes a name for an id before its record exists. Throws already-exists naming the owner. */
  reserve(name: string, id: string): void {
    const owner = this.#names.get(name);
    if (owner !== undefined && owner !== id) {
      throw new EngineError('already-exists', `${this.#spec.noun} name "${name}" is reserved for ${owner}`);
    }
    this.#names.set(name, id);
  }

  /** Frees a reserved name that no record came to own. */
  unreserve(name: string, id: string): void {
    if (this.#names.get(name) === id && !this.#rows.has(id)) this.#names.delete(name);
  }

  /** The record of a whole id, creating or not. */
  get(id: string): R | undefined {
    return this.#rows.get(id);
  }

  /** By id or unique prefix, among what callers may see. Undefined when there is none; throws on an ambiguous prefix. */
  find(idOrPrefix: string): R | undefined {
    if (idOrPrefix === '') throw invalidField(`${this.#spec.noun}_id`, 'must not be empty');
    if (idOrPrefix.length === ID_LENGTH) return visible(this.#rows.get(idOrPrefix));
    const matches = this.list().filter((record) => record.id.startsWith(idOrPrefix));
    if (matches.length > 1) {
      throw invalidField(`${this.#spec.noun}_id`, `prefix ${JSON.stringify(idOrPrefix)} fits ${matches.length} ids`);
    }
    return matches[0];
  }

  /** As `find`, but not-found is thrown. */
  need(idOrPrefix: string): R {
    const record = this.find(idOrPrefix);
    if (record === undefined) {
      throw new EngineError('not-found', `${this.#spec.noun} ${JSON.stringify(idOrPrefix)} not found`);
    }
    return record;
  }

  /** Everything that callers may see: what is being created is not in it. The same array until something changes. */
  list(): readonly R[] {
    this.#visible ??= [...this.#rows.values()].filter((record) => visible(record) !== undefined);
    return this.#visible;
  }

  /** All records, creating ones too. */
  all(): readonly R[] {
    return [...this.#rows.values()];
  }

  /** Makes a new record durable, then known. */
  async insert(record: R): Promise<R> {
    this.reserve(this.#spec.nameOf(record), record.id);
    return await this.#write(record.id, () => record);
  }

  /** Puts a record in the place of a damaged one of the same id, which is kept beside it until the record is deleted. */
  async rebuild(record: R): Promise<R> {
    if (!this.#damaged.some(({ id }) => id === record.id)) {
      throw new EngineError('not-found', `no damaged record of ${this.#spec.noun} ${record.id}`);
    }
    this.reserve(this.#spec.nameOf(record), record.id);
    return await this.#writes.run(record.id, NEVER, async () => {
      const made = deepFreeze(record);
      await this.#files.replaceDamaged(made.id, this.#spec.encode(made));
      this.#clock.observe(made.createdAt);
      this.#damaged = this.#damaged.filter(({ id }) => id !== made.id);
      this.#set(made);
      return made;
    });
  }

  /**
   * Replaces a record by `change(current)`, durable before it is seen. `change` may throw to refuse, and may return its
   * argument for "no change". Throws not-found when the record is gone.
   */
  async update(id: string, change: (current: R) => R): Promise<R> {
    return await this.#write(id, () => change(this.#need(id)));
  }

  /**
   * As `update`, but kept in memory until the record's next update: for what a davitd that starts again can do without,
   * or finds out by itself.
   */
  async amend(id: string, change: (current: R) => R): Promise<R> {
    return await this.#writes.run(id, NEVER, async () => {
      const next = deepFreeze(change(this.#need(id)));
      this.#change(id, next);
      return next;
    });
  }

  /** Forgets a record and frees its name. Unknown ids are fine. */
  async delete(id: string): Promise<void> {
    await this.#writes.run(id, NEVER, async () => {
      const record = this.#rows.get(id);
      await this.#files.delete(id);
      if (record === undefined) return;
      const name = this.#spec.nameOf(record);
      if (this.#names.get(name) === id) this.#names.delete(name);
      this.#change(id, undefined);
    });
  }

  async #write(id: string, make: () => R): Promise<R> {
    return await this.#writes.run(id, NEVER, async () => {
      const next = deepFreeze(make());
      if (next === this.#rows.get(id)) return next;
      await this.#files.put(id, this.#spec.encode(next));
      this.#change(id, next);
      return next;
    });
  }

  #need(id: string): R {
    const record = this.#rows.get(id);
    if (record === undefined) throw new EngineError('not-found', `${this.#spec.noun} ${id} not found`);
    return record;
  }

  #change(id: string, next: R | undefined): void {
    const before = this.#rows.get(id);
    if (next === undefined) {
      this.#rows.delete(id);
      this.#visible = undefined;
    } else this.#set(next);
    for (const watcher of this.#watchers) watcher(before, next);
  }

  #set(record: R): void {
    this.#rows.set(record.id, record);
    this.#visible = undefined;
  }
}

const NEVER = new AbortController().signal;

function visible<R extends Row>(record: R | undefined): R | undefined {
  return record?.state.phase === 'creating' ? undefined : record;
}
