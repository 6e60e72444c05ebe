/** Kinds of what may be left behind, in the order in which it is removed. */
export const ORPHAN_KINDS = [
  'record',
  'container',
  'shim',
  'cgroup',
  'attachment',
  'namespace',
  'mount',
  'folder',
  'snapshot',
  'output',
  'lease',
] as const;

export type OrphanKind = (typeof ORPHAN_KINDS)[number];

/** Something on the node or in containerd that carries davit's mark. */
export interface MarkedThing {
  readonly kind: OrphanKind;
  /** Tells it from all others of its kind, and is shown: a path, a key, `pid 7 of <id>`. */
  readonly name: string;
  /** Id of the container or sandbox that it belongs to; '' where none does (a lease). */
  readonly owner: string;
  /** The sandbox of that container, where that is known. */
  readonly sandbox?: string;
  /** Absent: it counts from when it was first found without an owner. */
  readonly madeAtMs?: number;
  /** Something that lives needs it, whatever the records say: a shim with tasks, a lease of a pull. */
  readonly isInUse?: boolean;
}

export interface Known {
  /** Ids of all records, of what is being made, too. */
  readonly ids: ReadonlySet<string>;
  /** Of those, sandboxes that are stopped: nothing starts in them any more. */
  readonly stopped: ReadonlySet<string>;
  /** Ids of records that cannot be read. */
  readonly damaged: ReadonlySet<string>;
  /** There is a record that cannot be read and does not even tell whose it is: anything may be its. */
  readonly hasNameless: boolean;
}

/** Why something without an owner stays. */
export type KeptReason = 'damaged-record' | 'young';

export interface Orphan<T extends MarkedThing = MarkedThing> {
  readonly thing: T;
  /** Absent: it is to be removed. */
  readonly kept?: KeptReason;
}

export interface PlanOptions {
  /** What was made before this time, in ms, is old enough: nobody can be about to record it. */
  readonly oldBeforeMs: number;
  /** Since when a thing without a time of its own has been found without an owner, in ms. */
  readonly orphanSinceMs: (thing: MarkedThing) => number;
}

/**
 * What no record owns, in the order of its removal. What the records know is left out; what they cannot exclude is
 * `kept`. Pure: the same facts give the same plan.
 */
export function planReconcile<T extends MarkedThing>(
  known: Known,
  things: readonly T[],
  options: PlanOptions,
): readonly Orphan<T>[] {
  return things
    .filter((thing) => !isOwned(known, thing))
    .map((thing) => {
      const kept = reasonToKeep(known, thing, options);
      return kept === undefined ? { thing } : { thing, kept };
    })
    .sort((a, b) => ORPHAN_KINDS.indexOf(a.thing.kind) - ORPHAN_KINDS.indexOf(b.thing.kind));
}

function isOwned(known: Known, { kind, owner, isInUse }: MarkedThing): boolean {
  if (isInUse === true) return true;
  if (kind === 'record') return false; // told of only where nobody works on it
  // A pod's shim has nothing to do once the pod is stopped and its last task is deleted.
  if (kind === 'shim' && known.stopped.has(owner)) return false;
  return known.ids.has(owner);
}

function reasonToKeep(known: Known, thing: MarkedThing, options: PlanOptions): KeptReason | undefined {
  const { owner, sandbox = '' } = thing;
  if (known.hasNameless || known.damaged.has(owner) || known.damaged.has(sandbox)) return 'damaged-record';
  const since = thing.madeAtMs ?? options.orphanSinceMs(thing);
  return since < options.oldBeforeMs ? undefined : 'young';
}
