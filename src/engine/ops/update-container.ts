import { invalidField } from '../errors.ts';
import { defineOp, runOp } from '../op.ts';
import { foldResources, ociResources, oomScoreAdj, restoringUpdate, updatedSpec } from '../runtime/spec/index.ts';
import type { ContainerRecord } from '../store/index.ts';
import type { LinuxResources } from '../types/index.ts';
import { checkHugepages } from './check-hugepages.ts';
import { checkMemory } from './check-memory.ts';
import type { OpsDeps } from './deps.ts';
import { updateLocked } from './update-locked.ts';

export type UpdateContainerDeps = Pick<
  OpsDeps,
  'store' | 'observer' | 'objects' | 'tasks' | 'cgroups' | 'host' | 'defaults' | 'containerLocks' | 'logger'
>;

export const UPDATE_CONTAINER = defineOp('update-container', ['update-spec', 'update-cgroup', 'record-result']);

const CALL_DEADLINE_MS = 30_000;
const RECORD_DEADLINE_MS = 10_000;

/**
 * Changes the limits of a created or running container: all of them or none. What `update` does not set stays as it is.
 * The container's own record shows the new limits when this returns. Throws failed-precondition for one that has ended.
 */
export async function updateContainer(
  deps: UpdateContainerDeps,
  id: string,
  update: LinuxResources,
  signal: AbortSignal,
): Promise<void> {
  await updateLocked(deps, id, signal, (record, phase, itsSignal) =>
    change(deps, record, { phase, update }, itsSignal),
  );
}

async function change(
  deps: UpdateContainerDeps,
  record: ContainerRecord,
  { phase, update }: { readonly phase: 'created' | 'running'; readonly update: LinuxResources },
  signal: AbortSignal,
): Promise<void> {
  const { id } = record;
  if (Object.keys(update).length === 0) return;
  if (record.windowsResources !== undefined) throw invalidField('linux', `container ${id} is for Windows`);
  const resources = foldResources(record.resources, update);
  checkMemory('linux', update, deps.defaults.containers);
  checkHugepages('linux', update, deps.host, deps.defaults.containers);
  checkSwap(resources);
  const context = { subject: { container: id, sandbox: record.sandboxId }, signal, observer: deps.observer };
  await runOp(UPDATE_CONTAINER, context, async (step) => {
    const spec = await deps.objects.spec(id, signal);
    const { spec: changed, notices } = updatedSpec(spec, resources, deps.host);
    if (notices.length > 0) deps.logger.warn({ container: id, notices }, 'given only in part on this node');
    await step('update-spec', {
      deadlineMs: CALL_DEADLINE_MS,
      do: (stepSignal) => deps.objects.updateSpec(id, changed, stepSignal),
      undo: (stepSignal) => deps.objects.updateSpec(id, spec, stepSignal),
    });
    if (phase === 'running') {
      const restoring = restoringUpdate(record.resources, update, await deps.cgroups.cpuset(record.cgroupPath));
      await step('update-cgroup', {
        deadlineMs: CALL_DEADLINE_MS,
        do: (stepSignal) => applyLimits(deps, record, { resources, before: record.resources }, stepSignal),
        undo: (stepSignal) => applyLimits(deps, record, { resources: restoring, before: resources }, stepSignal),
      });
    }
    await step('record-result', {
      deadlineMs: RECORD_DEADLINE_MS,
      do: () => deps.store.containers.update(id, (current) => ({ ...current, resources })),
      undo: async () => {
        await deps.store.containers.update(id, (current) => ({ ...current, resources: record.resources }));
      },
    });
  });
}

interface Change {
  readonly resources: LinuxResources;
  /** What is in force. */
  readonly before: LinuxResources;
}

async function applyLimits(
  deps: UpdateContainerDeps,
  { id, cgroupPath }: ContainerRecord,
  { resources, before }: Change,
  signal: AbortSignal,
): Promise<void> {
  const { hugepageLimits = [], ...limits } = ociResources(resources, deps.host).resources;
  await deps.tasks.update(id, limits, signal);
  // OCI runtimes take no limits of huge pages in an update, and write those that they began with again.
  await deps.cgroups.setHugepageLimits(cgroupPath, hugepageLimits);
  const score = resources.oomScoreAdj ?? 0;
  if (score === (before.oomScoreAdj ?? 0)) return;
  await deps.cgroups.setOomScoreAdj(cgroupPath, oomScoreAdj(score, deps.host.process).value);
}

/** The kernel would say no more than EINVAL. */
function checkSwap({ memoryLimitBytes = 0, memorySwapLimitBytes = 0 }: LinuxResources): void {
  if (memorySwapLimitBytes <= 0 || memorySwapLimitBytes >= memoryLimitBytes) return;
  throw invalidField(
    'linux.memory_swap_limit_in_bytes',
    `memory and swap together, ${memorySwapLimitBytes}, are less than memory alone, ${memoryLimitBytes}`,
  );
}
