import { nowNanos } from '../clock.ts';
import { isKind } from '../errors.ts';
import type { SandboxId } from '../ids.ts';
import { pauseSpec } from '../runtime/spec/index.ts';
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

/** Runs the process that holds a pod's shared PID namespace: its PID 1. Returns its pid on the node. */
export async function runPause(deps: PauseDeps, record: SandboxRecord, signal: AbortSignal): Promise<number> {
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
  const pid = await deps.tasks.create({ id, sandboxId: id, rootfs, io: { terminal: false } }, signal);
  watchPause(deps, id);
  await deps.tasks.start(id, id, signal);
  return pid;
}

/** A pod whose PID 1 has ended is not ready any more. */
export function watchPause(deps: Pick<OpsDeps, 'store' | 'exits'>, id: SandboxId): void {
  deps.exits.watch(id, async () => {
    try {
      await deps.store.sandboxes.update(id, (current) =>
        current.state.phase === 'ready'
          ? moveSandbox(current, { phase: 'not-ready', reason: 'its pause process ended', since: nowNanos() })
          : current,
      );
    } catch (error) {
      if (!isKind(error, 'not-found')) throw error; // removed meanwhile
    }
  });
}

/** Ends and removes the pause process; fine where there is none. */
export async function removePause(
  deps: Pick<OpsDeps, 'tasks' | 'objects' | 'exits'>,
  { id, spec }: SandboxRecord,
  signal: AbortSignal,
): Promise<void> {
  if (spec.namespaces.pid !== 'pod') return;
  if (await deps.tasks.kill(id, SIGKILL, true, signal)) await deps.tasks.wait(id, signal);
  await deps.tasks.delete(id, id, signal);
  await deps.objects.delete(id, signal);
}
