import { createHash } from 'node:crypto';
import { totalmem } from 'node:os';
import { newSandboxId } from '../ids.ts';
import type { SandboxId } from '../ids.ts';
import { nowNanos } from '../clock.ts';
import { defineOp, runOp } from '../op.ts';
import type { StepFn } from '../op.ts';
import { isolationOf } from '../runtime/shim-options.ts';
import { checkIsolation } from '../runtime/spec/windows/index.ts';
import type { TaskProcess } from '../runtime/task-types.ts';
import { moveSandbox, sandboxName } from '../store/index.ts';
import type { SandboxRecord } from '../store/index.ts';
import type { NamespacePaths, SandboxNetwork, SandboxSpec } from '../types/index.ts';
import { checkUserNamespace } from './check-user-namespace.ts';
import type { OpsDeps } from './deps.ts';
import { hostnameOf, ownHostname } from './hostname.ts';
import { ownNamespaces } from './own-namespaces.ts';
import { hasPause, pauseOf, removePause, runPause } from './pause.ts';
import { heldBack } from './pod-annotation.ts';
import { podSysctls } from './pod-sysctls.ts';
import { labelPodFiles, newPodLevel } from './selinux.ts';
import { shmSizeOf } from './shm-size.ts';
import { undoSandbox } from './undo-sandbox.ts';

export type RunSandboxDeps = Pick<
  OpsDeps,
  | 'store'
  | 'marks'
  | 'jobs'
  | 'observer'
  | 'logger'
  | 'handlers'
  | 'defaults'
  | 'runtimes'
  | 'host'
  | 'namespaces'
  | 'network'
  | 'podFiles'
  | 'cgroups'
  | 'objects'
  | 'tasks'
  | 'exits'
  | 'profiles'
  | 'labeller'
  | 'pause'
  | 'pauseRoot'
  | 'images'
  | 'layers'
>;

export const RUN_SANDBOX = defineOp('run-sandbox', [
  'reserve-name',
  'persist-intent',
  'create-namespaces',
  'attach-network',
  'write-pod-files',
  'apply-sysctls',
  'start-pause',
  'record-result',
]);

const NOTHING_COMES_OF_THEM = "the handler's pod_annotations do not let these through: nothing comes of them";

const RECORD_DEADLINE_MS = 10_000;
const NAMESPACES_DEADLINE_MS = 10_000;
const FILES_DEADLINE_MS = 10_000;
const PAUSE_DEADLINE_MS = 60_000;

/** Makes a pod sandbox and returns its id. A retry of the same request joins the job that works on it. */
export async function runSandbox(deps: RunSandboxDeps, spec: SandboxSpec, signal: AbortSignal): Promise<string> {
  const handler = deps.handlers.resolve(spec.handler);
  checkUserNamespace(spec, handler.name, deps.runtimes.features(handler.name));
  if (spec.windows !== undefined) checkIsolation(spec.windows, handler.name, isolationOf(handler.config));
  if (spec.windows === undefined) shmSize(deps, spec);
  const held = heldBack(spec.annotations, handler.config);
  if (held.length > 0)
    deps.logger.warn({ pod: spec.metadata.uid, handler: handler.name, annotations: held }, NOTHING_COMES_OF_THEM);
  const hash = createHash('sha256').update(JSON.stringify(spec)).digest('hex');
  const key = `sandbox ${sandboxName(spec.metadata)}`;
  const record = await deps.jobs.run<SandboxRecord>(
    {
      key,
      hash,
      owner: key,
      create: (jobSignal) => createSandbox(deps, spec, handler.name, hash, jobSignal),
      publish: async (made) => {
        await deps.store.sandboxes.update(made.id, (current) => moveSandbox(current, { phase: 'ready' }));
      },
      discard: (made) => undoSandbox(deps, made.id),
    },
    signal,
  );
  return record.id;
}

async function createSandbox(
  deps: RunSandboxDeps,
  spec: SandboxSpec,
  handlerName: string,
  configHash: string,
  signal: AbortSignal,
): Promise<SandboxRecord> {
  const id = newSandboxId();
  const { namespace, name } = spec.metadata;
  const context = { subject: { sandbox: id, pod: `${namespace}/${name}` }, signal, observer: deps.observer };
  return await runOp(RUN_SANDBOX, context, async (step) => {
    await reserveName(deps, step, spec, id);
    const intent = await persistIntent(deps, step, id, spec, handlerName, configHash);
    const namespaces = await createNamespaces(deps, step, intent);
    const [network] = await bothEnded(attachNetwork(deps, step, intent, namespaces), writePodFiles(deps, step, intent));
    await applySysctls(deps, step, intent);
    const pause = await startPause(deps, step, { ...intent, namespaces });
    return await step('record-result', {
      deadlineMs: RECORD_DEADLINE_MS,
      do: async () => {
        if (network !== undefined && spec.windows === undefined)
          await deps.podFiles.writeHosts(id, hostnameOf(intent), network.ips);
        // Durable with the publication: until then a davitd that starts again takes the sandbox back by its id.
        return await deps.store.sandboxes.amend(id, (current) => ({
          ...current,
          namespaces,
          ...(network === undefined ? {} : { network }),
          ...(pause === undefined ? {} : { pausePid: pause.pid }),
          ...(pause?.shim === undefined ? {} : { pauseShim: pause.shim }),
        }));
      },
    });
  });
}

async function reserveName(
  deps: RunSandboxDeps,
  step: StepFn<'reserve-name'>,
  spec: SandboxSpec,
  id: SandboxId,
): Promise<void> {
  const name = sandboxName(spec.metadata);
  await step('reserve-name', {
    deadlineMs: RECORD_DEADLINE_MS,
    do: async () => deps.store.sandboxes.reserve(name, id),
    undo: async () => deps.store.sandboxes.unreserve(name, id),
  });
}

/** The record exists from here on, so that whatever comes after is known to be owed an undo. */
async function persistIntent(
  deps: RunSandboxDeps,
  step: StepFn<'persist-intent'>,
  id: SandboxId,
  spec: SandboxSpec,
  handlerName: string,
  configHash: string,
): Promise<SandboxRecord> {
  const { sandboxes } = deps.store;
  const cgroupParent = deps.cgroups.podParent(id, spec.cgroupParent);
  return await step('persist-intent', {
    deadlineMs: RECORD_DEADLINE_MS,
    do: async () => {
      await deps.marks.put(id, id, cgroupParent);
      return await sandboxes.insert({
        id,
        spec,
        createdAt: deps.store.clock.next(),
        state: { phase: 'creating' },
        namespaces: {},
        configHash,
        handlerName,
        cgroupParent,
        networkRequested: spec.namespaces.network === 'pod',
        ...pauseOf(deps, spec, handlerName),
        ...newPodLevel(deps, spec),
      });
    },
    undo: async (_signal, failed) => {
      if (failed.length === 0) return await sandboxes.delete(id);
      // What could not be undone stays with a record that the kubelet can stop and remove.
      const reason = failed.map((failure) => `${failure.name}: ${failure.message}`).join('; ');
      await sandboxes.update(id, (current) =>
        moveSandbox(current, { phase: 'not-ready', reason: `not undone: ${reason}`, since: nowNanos() }),
      );
    },
  });
}

async function createNamespaces(
  deps: RunSandboxDeps,
  step: StepFn<'create-namespaces'>,
  { id, spec }: SandboxRecord,
): Promise<NamespacePaths> {
  // Without a UTS namespace there is no name to set but the node's.
  const hostname = spec.windows === undefined ? ownHostname({ id, spec }) : undefined;
  return await step('create-namespaces', {
    deadlineMs: NAMESPACES_DEADLINE_MS,
    do: (signal) =>
      deps.namespaces.create(
        id,
        {
          ...ownNamespaces(spec),
          sysctls: podSysctls(spec, deps.defaults.pods),
          ...(hostname === undefined ? {} : { hostname }),
        },
        signal,
      ),
    undo: () => deps.namespaces.destroy(id),
  });
}

async function attachNetwork(
  deps: RunSandboxDeps,
  step: StepFn<'attach-network'>,
  { id, spec, handlerName, cgroupParent }: SandboxRecord,
  namespaces: NamespacePaths,
): Promise<SandboxNetwork | undefined> {
  const netns = namespaces.network;
  if (netns === undefined) return undefined;
  const confDir = deps.handlers.resolve(handlerName).config.cniConfDir;
  return await step('attach-network', {
    deadlineMs: deps.network.attachDeadlineMs,
    do: (signal) =>
      deps.network.attach(
        {
          sandboxId: id,
          netns,
          metadata: spec.metadata,
          portMappings: spec.portMappings,
          annotations: spec.annotations,
          cgroupParent,
          ...(spec.dns === undefined ? {} : { dns: spec.dns }),
          ...(confDir === undefined ? {} : { confDir }),
        },
        signal,
      ),
    undo: (signal) => deps.network.detach(id, netns, signal),
  });
}

/** Once more, strictly, now that the plugins have set theirs and the interfaces are there. */
async function applySysctls(
  deps: RunSandboxDeps,
  step: StepFn<'apply-sysctls'>,
  { id, spec }: SandboxRecord,
): Promise<void> {
  if (Object.keys(spec.sysctls).length === 0) return;
  await step('apply-sysctls', {
    deadlineMs: NAMESPACES_DEADLINE_MS,
    do: (signal) => deps.namespaces.applySysctls(id, { ...ownNamespaces(spec), sysctls: spec.sysctls }, signal),
  });
}

async function writePodFiles(
  deps: RunSandboxDeps,
  step: StepFn<'write-pod-files'>,
  record: SandboxRecord,
): Promise<void> {
  const { id, spec } = record;
  // Windows has names and addresses from the network's own configuration.
  if (spec.windows !== undefined) return;
  await step('write-pod-files', {
    deadlineMs: FILES_DEADLINE_MS,
    do: async (signal) => {
      const shmSizeBytes = shmSize(deps, spec);
      const files = await deps.podFiles.create(id, {
        spec,
        hostname: hostnameOf(record),
        ...(shmSizeBytes === undefined ? {} : { shmSizeBytes }),
      });
      await labelPodFiles(deps, record, files, signal);
    },
    undo: () => deps.podFiles.remove(id),
  });
}

function shmSize({ handlers }: Pick<OpsDeps, 'handlers'>, spec: SandboxSpec): number | undefined {
  return shmSizeOf(spec, handlers.resolve(spec.handler).config, totalmem());
}

async function startPause(
  deps: RunSandboxDeps,
  step: StepFn<'start-pause'>,
  record: SandboxRecord,
): Promise<TaskProcess | undefined> {
  if (!hasPause(record)) return undefined;
  return await step('start-pause', {
    deadlineMs: PAUSE_DEADLINE_MS,
    do: (signal) => runPause(deps, record, signal),
    undo: (signal) => removePause(deps, record, signal),
  });
}

/** Waits until both have ended, so that a rollback meets neither half-way; then throws what failed first. */
async function bothEnded<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return await Promise.all([a, b]);
}
