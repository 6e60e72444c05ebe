import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { within } from '../rollback.ts';
import { planReconcile } from './plan.ts';
import type { KeptReason, Known, MarkedThing, OrphanKind } from './plan.ts';

/** What one sweep came to, for metrics. */
export interface ReconcileReport {
  readonly durationMs: number;
  readonly removed: readonly OrphanKind[];
  /** Without an owner, and left alone. */
  readonly kept: readonly { readonly kind: OrphanKind; readonly reason: KeptReason }[];
  /** What could not be removed; the next sweep tries again. */
  readonly failed: readonly OrphanKind[];
  /** Why nothing, or not everything, could be looked at. */
  readonly error?: unknown;
}

export interface ReconcileSettings {
  /** Time from the end of one sweep to the next. */
  readonly intervalMs: number;
  /** How old something must be to be removed, unless a davitd before this one made it. */
  readonly graceMs: number;
}

export interface ReconcileLoopDeps<T extends MarkedThing> {
  /** Read before each sweep: they may change. */
  readonly settings: () => ReconcileSettings;
  /**
   * What carries davit's mark. Kinds that cannot be looked at now are told by `failed`, and do not keep the others from
   * being looked at.
   */
  readonly find: (signal: AbortSignal, failed: (error: unknown) => void) => Promise<readonly T[]>;
  /** Called before and after `find`: what was recorded or removed meanwhile is known, too. */
  readonly known: () => Known;
  readonly remove: (thing: T, signal: AbortSignal) => Promise<void>;
  /** Called after a sweep that could look at everything, with what it found. */
  readonly swept: (things: readonly T[]) => Promise<void>;
  readonly report: (report: ReconcileReport) => void;
  readonly logger: Logger;
  /** In ms. */
  readonly now?: () => number;
}

const FIND_DEADLINE_MS = 60_000;
const REMOVE_DEADLINE_MS = 60_000;

/** Looks for what no record owns, removes it, and tells of each thing once. */
export class ReconcileLoop<T extends MarkedThing> {
  readonly #deps: ReconcileLoopDeps<T>;
  readonly #now: () => number;
  readonly #closed = new AbortController();
  /** Since when what does not tell its age has had no owner. */
  #orphanSince: ReadonlyMap<string, number> = new Map();
  /** What the log has been told of what is still there. */
  readonly #told = new Set<string>();
  #startedMs = 0;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: ReconcileLoopDeps<T>) {
    this.#deps = deps;
    this.#now = deps.now ?? Date.now;
  }

  /** Begins with a sweep at once, in the background. Call it when everything has been restored. */
  start(): void {
    if (this.#startedMs !== 0) return;
    this.#startedMs = this.#now();
    this.#running = this.#sweepAndWait();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** One sweep. Never rejects. */
  async sweep(): Promise<void> {
    const began = performance.now();
    const result: Result = { removed: [], kept: [], failed: [] };
    try {
      await this.#sweepOnce(result);
    } catch (error) {
      result.error ??= error;
    }
    if (this.#closed.signal.aborted) return;
    if (result.error === undefined) this.#told.delete(WHOLE);
    else this.#tellOnce(WHOLE, { error: messageOf(result.error) }, 'not everything could be looked at for orphans');
    this.#deps.report({ ...result, durationMs: performance.now() - began });
  }

  async #sweepOnce(result: Result): Promise<void> {
    const deadline = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(FIND_DEADLINE_MS)]);
    const before = this.#deps.known();
    const finding = this.#deps.find(deadline, (error) => {
      result.error ??= error;
    });
    const things = await within(deadline, finding);
    this.#forgetGone(things);
    const now = this.#deps.known();
    const orphanSince = new Map<string, number>();
    // What is being removed properly loses its record last: it is nobody's orphan.
    const orphans = planReconcile({ ...now, ids: new Set([...before.ids, ...now.ids]) }, things, {
      oldBeforeMs: Math.max(this.#startedMs, this.#now() - this.#deps.settings().graceMs),
      orphanSinceMs: (thing) => {
        const since = this.#orphanSince.get(keyOf(thing)) ?? this.#now();
        orphanSince.set(keyOf(thing), since);
        return since;
      },
    });
    this.#orphanSince = orphanSince;
    for (const { thing, kept } of orphans) {
      if (this.#closed.signal.aborted) return;
      if (kept === undefined) await this.#remove(thing, result);
      else this.#keep(thing, kept, result);
    }
    if (result.error === undefined) await this.#deps.swept(things);
  }

  async #remove(thing: T, result: Result): Promise<void> {
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(REMOVE_DEADLINE_MS)]);
    const { kind, name, owner, sandbox } = thing;
    const fields = { kind, name, owner, ...(sandbox === undefined ? {} : { sandbox }) };
    try {
      await within(signal, this.#deps.remove(thing, signal));
      result.removed.push(kind);
      this.#deps.logger.warn(fields, 'removed an orphan: no record owns it');
    } catch (error) {
      result.failed.push(kind);
      this.#tellOnce(keyOf(thing), { ...fields, error: messageOf(error) }, 'an orphan cannot be removed; trying again');
    }
  }

  #keep(thing: T, reason: KeptReason, result: Result): void {
    const { kind, name, owner } = thing;
    result.kept.push({ kind, reason });
    if (reason === 'young') return; // most likely on its way to its record, or away
    this.#tellOnce(keyOf(thing), { kind, name, owner, reason }, 'an orphan is left alone: a damaged record may own it');
  }

  #forgetGone(things: readonly T[]): void {
    const present = new Set(things.map(keyOf));
    for (const key of this.#told) if (key !== WHOLE && !present.has(key)) this.#told.delete(key);
  }

  #tellOnce(key: string, fields: object, message: string): void {
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#deps.logger.warn(fields, message);
  }

  async #sweepAndWait(): Promise<void> {
    await this.sweep();
    if (this.#closed.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#sweepAndWait();
    }, this.#deps.settings().intervalMs);
    this.#timer.unref();
  }
}

interface Result {
  readonly removed: OrphanKind[];
  readonly kept: ReconcileReport['kept'][number][];
  readonly failed: OrphanKind[];
  error?: unknown;
}

/** Stands for the sweep itself among what the log has been told. */
const WHOLE = '';

function keyOf({ kind, name }: MarkedThing): string {
  return `${kind} ${name}`;
}
