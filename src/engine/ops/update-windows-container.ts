import { invalidField } from '../errors.ts';
import { defineOp, runOp } from '../op.ts';
import {
  checkWindowsResources,
  foldWindowsResources,
  ociWindowsResources,
  updatedWindowsSpec,
} from '../runtime/spec/windows/index.ts';
import type { ContainerRecord } from '../store/index.ts';
import type { WindowsResources } from '../types/index.ts';
import type { OpsDeps } from './deps.ts';
import { updateLocked } from './update-locked.ts';

export type UpdateWindowsContainerDeps = Pick<OpsDeps, 'store' | 'observer' | 'objects' | 'tasks' | 'containerLocks'>;

export const UPDATE_WINDOWS_CONTAINER = defineOp('update-windows-container', [
  'update-spec',
  'update-task',
  'record-result',
]);

const CALL_DEADLINE_MS = 30_000;
const RECORD_DEADLINE_MS = 10_000;

/**
 * As updateContainer(), of a container for Windows: the shim is told, there is no cgroup. Throws invalid-argument for one
 * that is not for Windows.
 */
export async function updateWindowsContainer(
  deps: UpdateWindowsContainerDeps,
  id: string,
  update: WindowsResources,
  signal: AbortSignal,
): Promise<void> {
  await updateLocked(deps, id, signal, (record, phase, itsSignal) =>
    change(deps, record, { phase, update }, itsSignal),
  );
}

async function change(
  deps: UpdateWindowsContainerDeps,
  record: ContainerRecord,
  { phase, update }: { readonly phase: 'created' | 'running'; readonly update: WindowsResources },
  signal: AbortSignal,
): Promise<void> {
  const { id, windowsResources: before } = record;
  if (before === undefined) throw invalidField('windows', `container ${id} is for Linux`);
  if (Object.keys(update).length === 0) return;
  checkWindowsResources(update, 'windows');
  const resources = foldWindowsResources(before, update);
  const context = { subject: { container: id, sandbox: record.sandboxId }, signal, observer: deps.observer };
  await runOp(UPDATE_WINDOWS_CONTAINER, context, async (step) => {
    const spec = await deps.objects.spec(id, signal);
    await step('update-spec', {
      deadlineMs: CALL_DEADLINE_MS,
      do: (stepSignal) => deps.objects.updateSpec(id, updatedWindowsSpec(spec, resources), stepSignal),
      undo: (stepSignal) => deps.objects.updateSpec(id, spec, stepSignal),
    });
    if (phase === 'running') {
      await step('update-task', {
        deadlineMs: CALL_DEADLINE_MS,
        do: (stepSignal) => deps.tasks.update(id, ociWindowsResources(resources) ?? {}, stepSignal, 'windows'),
        undo: (stepSignal) => deps.tasks.update(id, ociWindowsResources(before) ?? {}, stepSignal, 'windows'),
      });
    }
    await step('record-result', {
      deadlineMs: RECORD_DEADLINE_MS,
      do: () => deps.store.containers.update(id, (current) => ({ ...current, windowsResources: resources })),
      undo: async () => {
        await deps.store.containers.update(id, (current) => ({ ...current, windowsResources: before }));
      },
    });
  });
}
