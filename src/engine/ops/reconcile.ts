import { ReconcileLoop } from '../reconcile/index.ts';
import type { ReconcileReport, ReconcileSettings } from '../reconcile/index.ts';
import type { OpsDeps } from './deps.ts';
import { findMarked, knownRecords } from './find-marked.ts';
import type { FindMarkedDeps, Marked } from './find-marked.ts';
import { removeOrphan } from './remove-orphan.ts';
import type { RemoveOrphanDeps } from './remove-orphan.ts';

export type ReconcileDeps = FindMarkedDeps &
  RemoveOrphanDeps &
  Pick<OpsDeps, 'logger'> & {
    readonly settings: () => ReconcileSettings;
    readonly reported: (report: ReconcileReport) => void;
  };

/** The loop that removes what no record owns, over all of davit's kinds. */
export function createReconcileLoop(deps: ReconcileDeps): ReconcileLoop<Marked> {
  return new ReconcileLoop<Marked>({
    settings: deps.settings,
    find: (signal, failed) => findMarked(deps, signal, failed),
    known: () => knownRecords(deps.store, deps.marks),
    remove: (thing, signal) => removeOrphan(deps, thing, signal),
    swept: (things) => dropMarks(deps, things),
    report: deps.reported,
    logger: deps.logger,
  });
}

/** Every object of the store has a mark: one of a davitd that knew none gets it now. */
export async function markRecords({ store, marks }: Pick<OpsDeps, 'store' | 'marks'>): Promise<void> {
  for (const { id, cgroupParent } of store.sandboxes.all()) await marks.put(id, id, cgroupParent);
  for (const { id, sandboxId, cgroupPath } of store.containers.all()) await marks.put(id, sandboxId, cgroupPath);
}

/** Forgets the marks of what is gone, record and all. */
async function dropMarks(deps: ReconcileDeps, things: readonly Marked[]): Promise<void> {
  const { ids, damaged, hasNameless } = knownRecords(deps.store, deps.marks);
  if (hasNameless) return;
  const there = new Set(
    things.flatMap((thing) => (thing.kind === 'shim' ? [thing.owner, thing.shim.id] : [thing.owner])),
  );
  const oldBefore = Date.now() - deps.settings().graceMs;
  for (const { id, madeAtMs } of deps.marks.all()) {
    // A mark is made shortly before its record.
    if (ids.has(id) || damaged.has(id) || there.has(id) || madeAtMs >= oldBefore) continue;
    await deps.marks.delete(id);
  }
}
