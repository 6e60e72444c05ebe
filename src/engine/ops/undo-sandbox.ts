import { EngineError } from '../errors.ts';
import type { SandboxId } from '../ids.ts';
import type { OpsDeps } from './deps.ts';
import { removePause } from './pause.ts';

export type UndoSandboxDeps = Pick<
  OpsDeps,
  'store' | 'network' | 'namespaces' | 'podFiles' | 'cgroups' | 'objects' | 'tasks' | 'exits' | 'layers'
>;

const UNDO_DEADLINE_MS = 60_000;

/** Takes back a whole sandbox that nobody came to own: an unclaimed job's, or one that a killed davitd left half-made. */
export async function undoSandbox(deps: UndoSandboxDeps, id: SandboxId): Promise<void> {
  const record = deps.store.sandboxes.get(id);
  if (record === undefined) throw new EngineError('not-found', `sandbox ${id} not found`);
  const signal = AbortSignal.timeout(UNDO_DEADLINE_MS);
  await removePause(deps, record, signal);
  await deps.network.detach(id, record.namespaces.network, signal);
  await deps.namespaces.destroy(id);
  await deps.podFiles.remove(id);
  await deps.cgroups.removePod(id, record.cgroupParent);
  await deps.store.sandboxes.delete(id);
}
