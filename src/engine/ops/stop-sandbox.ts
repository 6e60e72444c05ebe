import { nowNanos } from '../clock.ts';
import { EngineError, messageOf } from '../errors.ts';
import type { SandboxId } from '../ids.ts';
import { defineOp, runOp } from '../op.ts';
import { moveSandbox } from '../store/index.ts';
import type { SandboxRecord } from '../store/index.ts';
import type { OpsDeps } from './deps.ts';
import { removePause } from './pause.ts';
import { stopContainer } from './stop-container.ts';
import type { StopContainerDeps } from './stop-container.ts';

export type StopSandboxDeps = StopContainerDeps &
  Pick<
    OpsDeps,
    'jobs' | 'observer' | 'objects' | 'layers' | 'network' | 'namespaces' | 'podFiles' | 'sandboxLocks' | 'stopping'
  >;

export const STOP_SANDBOX = defineOp('stop-sandbox', [
  'abort-creates',
  'stop-containers',
  'stop-pause',
  'record-not-ready',
  'detach-network',
  'destroy-namespaces',
  'remove-pod-files',
]);

const CONTAINERS_DEADLINE_MS = 90_000;
const STEP_DEADLINE_MS = 60_000;

/** Kills what runs in the sandbox, releases its network and namespaces. Unknown and stopped sandboxes are fine. */
export async function stopSandbox(deps: StopSandboxDeps, id: string, signal: AbortSignal): Promise<void> {
  const record = deps.store.sandboxes.find(id);
  if (record === undefined) return;
  await deps.sandboxLocks.run(record.id, signal, () => stopLocked(deps, record.id, signal));
}

/** The caller holds the sandbox's lock. */
export async function stopLocked(deps: StopSandboxDeps, id: SandboxId, signal: AbortSignal): Promise<void> {
  const record = deps.store.sandboxes.get(id);
  if (record === undefined) return;
  deps.stopping.add(id);
  try {
    await runOp(STOP_SANDBOX, { subject: { sandbox: id }, signal, observer: deps.observer }, async (step) => {
      await step('abort-creates', {
        deadlineMs: CONTAINERS_DEADLINE_MS,
        do: () => deps.jobs.abortOwner(id, `sandbox ${id} is being stopped`),
      });
      await step('stop-containers', {
        deadlineMs: CONTAINERS_DEADLINE_MS,
        do: (stepSignal) => stopContainers(deps, id, stepSignal),
      });
      await step('stop-pause', {
        deadlineMs: STEP_DEADLINE_MS,
        do: (stepSignal) => removePause(deps, record, stepSignal),
      });
      await step('record-not-ready', { deadlineMs: STEP_DEADLINE_MS, do: () => recordNotReady(deps, id) });
      await step('detach-network', {
        deadlineMs: deps.network.attachDeadlineMs,
        do: (stepSignal) => detachNetwork(deps, record, stepSignal),
      });
      await step('destroy-namespaces', { deadlineMs: STEP_DEADLINE_MS, do: () => deps.namespaces.destroy(id) });
      await step('remove-pod-files', { deadlineMs: STEP_DEADLINE_MS, do: () => deps.podFiles.remove(id) });
    });
  } finally {
    deps.stopping.delete(id);
  }
}

/** All containers at once; one that does not end does not keep the others running. */
async function stopContainers(deps: StopSandboxDeps, id: SandboxId, signal: AbortSignal): Promise<void> {
  const containers = deps.store.containers.all().filter((container) => container.sandboxId === id);
  const results = await Promise.allSettled(containers.map((container) => stopContainer(deps, container.id, 0, signal)));
  const failures = results.filter((result) => result.status === 'rejected').map((result) => messageOf(result.reason));
  if (failures.length > 0) throw new EngineError('deadline-exceeded', failures.join('; '));
}

async function recordNotReady(deps: StopSandboxDeps, id: SandboxId): Promise<void> {
  await deps.store.sandboxes.update(id, (current) =>
    moveSandbox(current, { phase: 'not-ready', reason: 'stopped', since: nowNanos() }),
  );
}

async function detachNetwork(deps: StopSandboxDeps, record: SandboxRecord, signal: AbortSignal): Promise<void> {
  if (!record.networkRequested) return;
  await deps.network.detach(record.id, record.namespaces.network, signal);
}
