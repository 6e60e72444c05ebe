import { nowNanos } from '../clock.ts';
import { EngineError, isKind } from '../errors.ts';
import type { SandboxId } from '../ids.ts';
import type { Handler } from '../runtime/handlers.ts';
import { isolationOf } from '../runtime/shim-options.ts';
import { pauseSpec } from '../runtime/spec/index.ts';
import { windowsSandboxSpec } from '../runtime/spec/windows/index.ts';
import type { RootMount, TaskProcess } from '../runtime/task-types.ts';
import { moveSandbox } from '../store/index.ts';
import type { SandboxRecord } from '../store/index.ts';
import type { Image, SandboxSpec, WindowsSecurity } from '../types/index.ts';
import { windowsSpecSandbox } from './build-windows-spec.ts';
import { deleteTask } from './delete-task.ts';
import type { OpsDeps } from './deps.ts';
import { killTask } from './kill-task.ts';
import { sandboxLabels } from './labels.ts';
import { namingShim } from './naming-shim.ts';
import { labelPauseRoot, podLabelsOf } from './selinux.ts';

export type PauseDeps = Pick<
  OpsDeps,
  | 'store'
  | 'handlers'
  | 'defaults'
  | 'host'
  | 'objects'
  | 'tasks'
  | 'exits'
  | 'cgroups'
  | 'profiles'
  | 'labeller'
  | 'pauseRoot'
  | 'images'
  | 'layers'
>;

/** Whether the pod was made to have a pause process. */
export function hasPause({
  spec,
  extraPause,
  shimTask,
}: Pick<SandboxRecord, 'spec' | 'extraPause' | 'shimTask'>): boolean {
  return spec.namespaces.pid === 'pod' || extraPause === true || shimTask === true;
}

/**
 * What of a new pod's record says whether it has a pause process: an extra one only where nothing else asks for one, and
 * not on the node's network, where there is nothing to find.
 */
export function pauseOf(
  { handlers, pause }: Pick<OpsDeps, 'handlers' | 'pause'>,
  spec: SandboxSpec,
  handlerName: string,
): Pick<SandboxRecord, 'extraPause' | 'shimTask' | 'snapshotter'> {
  const { network, pid } = spec.namespaces;
  const shim = ofShim(handlers.resolve(handlerName), spec);
  const wanted = pause === 'always' && shim.shimTask !== true && pid !== 'pod' && network === 'pod';
  return wanted ? { extraPause: true } : shim;
}

/**
 * Runs the pause process: it holds a pod's shared PID namespace as its PID 1, it is what the pod's shim takes for the pod,
 * or it only stands for the pod where others look for one. Its pid is the one on the node.
 */
export async function runPause(deps: PauseDeps, record: SandboxRecord, signal: AbortSignal): Promise<TaskProcess> {
  const { id } = record;
  const handler = deps.handlers.resolve(record.handlerName);
  const { windows } = record.spec;
  const { spec, rootfs, image } =
    windows === undefined
      ? await linuxPod(deps, record, handler, signal)
      : await windowsPod(deps, record, { handler, windows }, signal);
  await deps.objects.create(
    {
      id,
      labels: sandboxLabels(record),
      image: image ?? '',
      runtimeType: handler.config.type,
      shimOptions: handler.shimOptions,
      snapshotter: record.snapshotter ?? '',
      snapshotKey: record.snapshotter === undefined ? '' : id,
      spec,
    },
    signal,
  );
  const made = await namingShim(handler.config.type, () =>
    deps.tasks.create({ id, sandboxId: id, rootfs, io: { terminal: false } }, signal),
  );
  watchPause(deps, id);
  await deps.tasks.start(id, id, signal);
  return made;
}

interface PodParts {
  readonly spec: object;
  readonly rootfs: readonly RootMount[];
  /** Its name, where the pod is made from one. */
  readonly image?: string;
}

async function linuxPod(
  deps: PauseDeps,
  record: SandboxRecord,
  handler: Handler,
  signal: AbortSignal,
): Promise<PodParts> {
  await labelPauseRoot(deps, signal);
  const spec = pauseSpec({
    sandboxId: record.id,
    spec: record.spec,
    handler: handler.config,
    namespaces: record.namespaces,
    cgroupsPath: deps.cgroups.specPath(record.cgroupParent, record.id),
    host: deps.host,
    profiles: await deps.profiles.resolve(record.spec.security, signal),
    ...cpusOf(deps, record),
    ...podLabelsOf(deps, record),
  });
  return { spec, rootfs: [{ type: 'bind', source: deps.pauseRoot, options: ['rbind', 'ro'] }] };
}

/** What other shims have for a pod's task is a virtual machine, or the like, which is as wide as the whole pod. */
function cpusOf(
  { defaults }: Pick<OpsDeps, 'defaults'>,
  { shimTask }: Pick<SandboxRecord, 'shimTask'>,
): { readonly cpus?: string } {
  const { pauseCpus } = defaults.pods;
  return pauseCpus === undefined || shimTask === true ? {} : { cpus: pauseCpus };
}

async function windowsPod(
  deps: PauseDeps,
  record: SandboxRecord,
  { handler, windows }: { readonly handler: Handler; readonly windows: WindowsSecurity },
  signal: AbortSignal,
): Promise<PodParts> {
  const common = {
    sandbox: windowsSpecSandbox(record, windows),
    handler: handler.config,
    isolation: isolationOf(handler.config),
  };
  const { snapshotter } = record;
  if (snapshotter === undefined) return { spec: windowsSandboxSpec(common), rootfs: [] };
  const { name, found } = sandboxImage(deps, handler);
  const { chainId } = await deps.images.ensureUnpacked(found.id, snapshotter, signal);
  const spec = windowsSandboxSpec({ ...common, image: { name, config: found.config } });
  const root = { key: record.id, snapshotter, parent: chainId, labels: sandboxLabels(record) };
  return { spec, rootfs: await deps.layers.prepareRoot(root, signal), image: name };
}

function sandboxImage(
  deps: Pick<OpsDeps, 'images'>,
  { name: handler, config }: Handler,
): { readonly name: string; readonly found: Image } {
  const key = `handlers.${handler}.options.SandboxImage`;
  const name = config.options['SandboxImage'];
  if (typeof name !== 'string')
    throw new EngineError('failed-precondition', `${key}: names no image; pods for Windows are made from one`);
  const found = deps.images.get(name);
  if (found !== undefined) return { name, found };
  throw new EngineError('failed-precondition', `${key}: image ${name} is not on this node; pull it first`);
}

/** A pod that cannot be without its pause process is not ready once that has ended; another goes on. */
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
  deps: Pick<OpsDeps, 'tasks' | 'objects' | 'exits' | 'layers' | 'cgroups'>,
  record: SandboxRecord,
  signal: AbortSignal,
): Promise<void> {
  if (!hasPause(record)) return;
  const { id, cgroupParent, snapshotter } = record;
  await killTask(deps, id, signal);
  await deleteTask(deps, { id, sandboxId: id, cgroupPath: deps.cgroups.containerPath(cgroupParent, id) }, signal);
  await deps.objects.delete(id, signal);
  if (snapshotter !== undefined) await deps.layers.removeRoot(id, snapshotter, signal);
}

/**
 * What of a pod's record says what its shim wants of it: every shim but that of runc has a task for the pod before those
 * of its containers.
 */
function ofShim(
  { config, shimOptions }: Handler,
  { windows }: Pick<SandboxSpec, 'windows'>,
): Pick<SandboxRecord, 'shimTask' | 'snapshotter'> {
  if (shimOptions.kind === 'runc') return {};
  const hasRoot = windows !== undefined && !windows.hostProcess;
  return { shimTask: true, ...(hasRoot ? { snapshotter: config.snapshotter } : {}) };
}
