import type { SandboxId } from '../ids.ts';
import { defineOp, runOp } from '../op.ts';
import type { OpsDeps } from './deps.ts';
import { removeContainer } from './remove-container.ts';
import type { RemoveContainerDeps } from './remove-container.ts';
import { stopLocked } from './stop-sandbox.ts';
import type { StopSandboxDeps } from './stop-sandbox.ts';

export type RemoveSandboxDeps = StopSandboxDeps & RemoveContainerDeps & Pick<OpsDeps, 'podFiles' | 'cgroups'>;

export const REMOVE_SANDBOX = defineOp('remove-sandbox', ['remove-containers', 'remove-cgroups', 'forget']);

const CONTAINERS_DEADLINE_MS = 120_000;
const STEP_DEADLINE_MS = 60_000;

/** Stops a sandbox and removes it with all of its containers. Unknown ids are fine. */
export async function removeSandbox(deps: RemoveSandboxDeps, id: string, signal: AbortSignal): Promise<void> {
  const record = deps.store.sandboxes.find(id);
  if (record === undefined) return;
  await deps.sandboxLocks.run(record.id, signal, () => removeLocked(deps, record.id, signal));
}

async function removeLocked(deps: RemoveSandboxDeps, id: SandboxId, signal: AbortSignal): Promise<void> {
  const record = deps.store.sandboxes.get(id);
  if (record === undefined) return;
  await stopLocked(deps, id, signal);
  await runOp(REMOVE_SANDBOX, { subject: { sandbox: id }, signal, observer: deps.observer }, async (step) => {
    await step('remove-containers', {
      deadlineMs: CONTAINERS_DEADLINE_MS,
      do: async (stepSignal) => {
        const containers = deps.store.containers.all().filter((container) => container.sandboxId === id);
        await Promise.all(containers.map((container) => removeContainer(deps, container.id, stepSignal)));
      },
    });
    await step('remove-cgroups', {
      deadlineMs: STEP_DEADLINE_MS,
      do: () => deps.cgroups.removePod(id, record.cgroupParent),
    });
    await step('forget', { deadlineMs: STEP_DEADLINE_MS, do: () => deps.store.sandboxes.delete(id) });
  });
}
