import { nowNanos } from '../clock.ts';
import { isKind } from '../errors.ts';
import type { SandboxId } from '../ids.ts';
import { pauseSpec } from '../runtime/spec/index.ts';
import type { TaskProcess } from '../runtime/task-types.ts';
import { moveSandbox } from '../store/index.ts';
import type { SandboxRecord } from '../store/index.ts';
import type { OpsDeps } from './deps.ts';
import { sandboxLabels } from './labels.ts';
import { labelPauseRoot, podLabelsOf } from './selinux.ts';
import { SIGKILL } from './signals.ts';

export type PauseDeps = Pick<
  OpsDeps,
  'store' | 'handlers' | 'host' | 'objects' | 'tasks' | 'exits' | 'cgroups' | 'profiles' | 'labeller' | 'pauseRoot'
>;

/** Whether the pod was made to have a pause process. */
export function hasPause({ spec, extraPause }: Pick<SandboxRecord, 'spec' | 'extraPause'>): boolean {
  return spec.namespaces.pid === 'pod' || extraPause === true;
}

/**
 * Runs the pause process: it holds a pod's shared PID namespace as its PID 1, or it only stands for the pod where others
 * look for one. Its pid is the one on the node.
 */
export async function runPause(deps: PauseDeps, record: SandboxRecord, signal: AbortSignal): Promise<TaskProcess> {
  const { id } = record;
  const handler = deps.handlers.resolve(record.handlerName);
  await labelPauseRoot(deps, signal);
  await deps.objects.create(
    {
      id,
      labels: sandboxLabels(record),
      image: '',
      runtimeType: handler.config.type,
      shimOptions: handler.shimOptions,
      snapshotter: '',
      snapshotKey: '',
      spec: pauseSpec({
        sandboxId: id,
        spec: record.spec,
        namespaces: record.namespaces,
        cgroupsPath: deps.cgroups.specPath(record.cgroupParent, id),
        host: deps.host,
        profiles: await deps.profiles.resolve(record.spec.security, signal),
        ...podLabelsOf(deps, record),
      }),
    },
    signal,
  );
  const rootfs = [{ type: 'bind', source: deps.pauseRoot, options: ['rbind', 'ro'] }];
  const made = await deps.tasks.create({ id, sandboxId: id, rootfs, io: { terminal: false } }, signal);
  watchPause(deps, id);
  await deps.tasks.start(id, id, signal);
  return made;
}

/** A pod whose PID 1 has ended is not ready any more; one that only had a pause process beside it goes on without. */
export function watchPause(deps: Pick<OpsDeps, 'store' | 'exits'>, id: SandboxId): void {
  deps.exits.watch(id, async () => {
    try {
      await deps.store.sandboxes.update(id, (current) => {
        if (current.extraPause === true) return withoutPause(current);
        if (current.state.phase !== 'ready') return current;
        return moveSandbox(current, { phase: 'not-ready', reason: 'its pause process ended', since: nowNanos() });
      });
    } catch (error) {
      if (!isKind(error, 'not-found')) throw error; // removed meanwhile
    }
  });
}

/** The number of a process that has ended may soon be another's. */
export function withoutPause(record: SandboxRecord): SandboxRecord {
  const { pausePid: _ended, ...rest } = record;
  return rest;
}

/** Ends and removes the pause process; fine where there is none. */
export async function removePause(
  deps: Pick<OpsDeps, 'tasks' | 'objects' | 'exits'>,
  record: SandboxRecord,
  signal: AbortSignal,
): Promise<void> {
  if (!hasPause(record)) return;
  const { id } = record;
  if (await deps.tasks.kill(id, SIGKILL, true, signal)) await deps.tasks.wait(id, signal);
  await deps.tasks.delete(id, id, signal);
  await deps.objects.delete(id, signal);
}
