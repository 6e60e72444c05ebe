import { createHash } from 'node:crypto';
import { EngineError, isKind } from '../errors.ts';
import { newContainerId } from '../ids.ts';
import type { ContainerId } from '../ids.ts';
import { defineOp, runOp } from '../op.ts';
import type { StepFn } from '../op.ts';
import type { Mount } from '../layer/index.ts';
import { containerName, moveContainer } from '../store/index.ts';
import type { ContainerRecord, SandboxRecord } from '../store/index.ts';
import type { ContainerSpec, ContainerUser, Image } from '../types/index.ts';
import { artifactProfile } from './artifact-profile.ts';
import { buildContainerSpec } from './build-spec.ts';
import type { BuildSpecDeps, SpecSubject } from './build-spec.ts';
import { checkHugepages } from './check-hugepages.ts';
import { checkMemory } from './check-memory.ts';
import { checkMounts } from './check-mounts.ts';
import { prepareVolumes, removeVolumes } from './container-volumes.ts';
import type { PreparedVolumes, VolumesSubject } from './container-volumes.ts';
import type { OpsDeps } from './deps.ts';
import { containerLabels } from './labels.ts';
import { lookUpUser } from './look-up-user.ts';
import { newContainer } from './new-container.ts';
import type { NewContainerDeps } from './new-container.ts';
import { dropContainer } from './remove-container.ts';
import type { RemoveContainerDeps } from './remove-container.ts';
import { demandReadySandbox } from './start-container.ts';

export type CreateContainerDeps = RemoveContainerDeps &
  BuildSpecDeps &
  NewContainerDeps &
  Pick<
    OpsDeps,
    | 'store'
    | 'marks'
    | 'jobs'
    | 'observer'
    | 'images'
    | 'layers'
    | 'objects'
    | 'imageFiles'
    | 'volumes'
    | 'cgroups'
    | 'handlers'
    | 'runtimes'
    | 'stopping'
    | 'logger'
  >;

export const CREATE_CONTAINER = defineOp('create-container', [
  'reserve-name',
  'find-image',
  'persist-intent',
  'prepare-root',
  'resolve-user',
  'prepare-volumes',
  'create-object',
  'record-result',
]);

const RECORD_DEADLINE_MS = 10_000;
/** An image that others put into containerd is unpacked on its first use, which takes as long as its layers are large. */
const IMAGE_DEADLINE_MS = 110_000;
const CALL_DEADLINE_MS = 30_000;

/** Makes a container in a ready sandbox and returns its id. A retry of the same request joins the job that works on it. */
export async function createContainer(
  deps: CreateContainerDeps,
  sandboxId: string,
  spec: ContainerSpec,
  signal: AbortSignal,
): Promise<string> {
  const sandbox = deps.store.sandboxes.need(sandboxId);
  demandReadySandbox(deps, { sandboxId: sandbox.id });
  checkMounts(spec.mounts, sandbox.handlerName, deps.runtimes.features(sandbox.handlerName));
  checkMemory('config.linux.resources', spec.resources, deps.defaults.containers);
  checkHugepages('config.linux.resources', spec.resources, deps.host, deps.defaults.containers);
  const configHash = createHash('sha256').update(JSON.stringify(spec)).digest('hex');
  const record = await deps.jobs.run<ContainerRecord>(
    {
      key: `container ${containerName(sandbox.id, spec.metadata)}`,
      hash: configHash,
      owner: sandbox.id,
      create: (jobSignal) => makeContainer(deps, sandbox, spec, configHash, jobSignal),
      publish: async (made) => {
        await deps.store.containers.update(made.id, (current) => moveContainer(current, { phase: 'created' }));
      },
      discard: (made) => dropContainer(deps, made.id, new AbortController().signal),
    },
    signal,
  );
  return record.id;
}

async function makeContainer(
  deps: CreateContainerDeps,
  sandbox: SandboxRecord,
  spec: ContainerSpec,
  configHash: string,
  signal: AbortSignal,
): Promise<ContainerRecord> {
  const id = newContainerId();
  const context = { subject: { container: id, sandbox: sandbox.id }, signal, observer: deps.observer };
  return await runOp(CREATE_CONTAINER, context, async (step) => {
    await reserveName(deps, step, sandbox, spec, id);
    const { image, profile } = await findImages(deps, step, sandbox, spec);
    const intent = await persistIntent(deps, step, newContainer(deps, { id, sandbox, spec, image, configHash }));
    const mounts = await prepareRoot(deps, step, intent, sandbox, image);
    const user = await findUser(deps, step, intent, image, mounts);
    const volumes = await makeVolumes(deps, step, { record: intent, sandbox, image });
    await createObject(deps, step, { record: { ...intent, user }, sandbox, image, volumes, ...profile });
    return await step('record-result', {
      deadlineMs: RECORD_DEADLINE_MS,
      do: () =>
        // Durable with the publication: until then a davitd that starts again takes the container back by its id.
        deps.store.containers.amend(id, (current) => ({
          ...current,
          user,
          spec: { ...current.spec, mounts: volumes.mounts },
        })),
    });
  });
}

async function reserveName(
  deps: CreateContainerDeps,
  step: StepFn<'reserve-name'>,
  sandbox: SandboxRecord,
  spec: ContainerSpec,
  id: ContainerId,
): Promise<void> {
  const name = containerName(sandbox.id, spec.metadata);
  await step('reserve-name', {
    deadlineMs: RECORD_DEADLINE_MS,
    do: async () => deps.store.containers.reserve(name, id),
    undo: async () => deps.store.containers.unreserve(name, id),
  });
}

/** The container's own image, and the artifact with its seccomp profile, where there is one. */
async function findImages(
  deps: CreateContainerDeps,
  step: StepFn<'find-image'>,
  sandbox: SandboxRecord,
  spec: ContainerSpec,
): Promise<{ readonly image: Image; readonly profile: Pick<SpecSubject, 'profile'> }> {
  return await step('find-image', {
    deadlineMs: IMAGE_DEADLINE_MS,
    do: async (signal) => {
      const image = imageToRun(deps, spec);
      const profile = await artifactProfile(deps, sandbox, spec, signal);
      return { image, profile: profile === undefined ? {} : { profile } };
    },
  });
}

function imageToRun({ images }: Pick<CreateContainerDeps, 'images'>, { image: { image: name } }: ContainerSpec): Image {
  const image = images.get(name);
  if (image === undefined)
    throw new EngineError('not-found', `image ${JSON.stringify(name)} is not on this node; pull it first`);
  if (image.artifact === undefined) return image;
  const what = `is an artifact (${image.artifact.type}): its files can be mounted, but not run`;
  throw new EngineError('failed-precondition', `image ${JSON.stringify(name)} ${what}`);
}

async function persistIntent(
  deps: CreateContainerDeps,
  step: StepFn<'persist-intent'>,
  record: ContainerRecord,
): Promise<ContainerRecord> {
  return await step('persist-intent', {
    deadlineMs: RECORD_DEADLINE_MS,
    do: async () => {
      await deps.marks.put(record.id, record.sandboxId, record.cgroupPath);
      return await deps.store.containers.insert(record);
    },
    undo: async (_signal, failed) => {
      if (failed.length === 0) return await deps.store.containers.delete(record.id);
      // What could not be undone stays with a record that the kubelet can remove.
      const reason = failed.map((failure) => `${failure.name}: ${failure.message}`).join('; ');
      await deps.store.containers.update(record.id, (current) =>
        moveContainer(current, { phase: 'unknown', reason: `not undone: ${reason}` }),
      );
    },
  });
}

async function prepareRoot(
  deps: CreateContainerDeps,
  step: StepFn<'prepare-root'>,
  record: ContainerRecord,
  sandbox: SandboxRecord,
  image: Image,
): Promise<readonly Mount[]> {
  const { snapshotKey, snapshotter } = record;
  const { user } = sandbox.spec.namespaces;
  const root = {
    key: snapshotKey,
    snapshotter,
    parent: image.chainId,
    labels: containerLabels(record, sandbox),
    ...(user === undefined ? {} : { idMap: user }),
  };
  return await step('prepare-root', {
    deadlineMs: IMAGE_DEADLINE_MS,
    do: async (signal) => {
      try {
        return await deps.layers.prepareRoot(root, signal);
      } catch (error) {
        if (!isKind(error, 'not-found')) throw error;
        // The image was pulled for another snapshotter, or its unpacked layers have been lost.
        await deps.images.ensureUnpacked(image.id, snapshotter, signal);
        return await deps.layers.prepareRoot(root, signal);
      }
    },
    undo: (signal) => deps.layers.removeRoot(snapshotKey, snapshotter, signal),
  });
}

async function findUser(
  deps: CreateContainerDeps,
  step: StepFn<'resolve-user'>,
  record: ContainerRecord,
  image: Image,
  mounts: readonly Mount[],
): Promise<ContainerUser> {
  return await step('resolve-user', {
    deadlineMs: CALL_DEADLINE_MS,
    // A user of Windows has no number, and is known to Windows alone.
    do: async (signal) =>
      record.spec.windows === undefined ? await lookUpUser(deps, record, image, mounts, signal) : record.user,
  });
}

async function makeVolumes(
  deps: CreateContainerDeps,
  step: StepFn<'prepare-volumes'>,
  subject: VolumesSubject,
): Promise<PreparedVolumes> {
  return await step('prepare-volumes', {
    deadlineMs: IMAGE_DEADLINE_MS,
    do: async (signal) =>
      subject.record.spec.windows === undefined
        ? await prepareVolumes(deps, subject, signal)
        : { declared: [], mounts: subject.record.spec.mounts, images: new Map() },
    undo: (signal) => removeVolumes(deps, subject.record, signal),
  });
}

async function createObject(
  deps: CreateContainerDeps,
  step: StepFn<'create-object'>,
  subject: SpecSubject,
): Promise<void> {
  const { record, sandbox, image } = subject;
  const handler = deps.handlers.resolve(record.handlerName);
  await step('create-object', {
    deadlineMs: CALL_DEADLINE_MS,
    do: async (signal) => {
      const spec = await buildContainerSpec(deps, subject, signal);
      await deps.objects.create(
        {
          id: record.id,
          labels: containerLabels(record, sandbox),
          image: image.repoTags[0] ?? image.id,
          runtimeType: handler.config.type,
          shimOptions: handler.shimOptions,
          snapshotter: record.snapshotter,
          snapshotKey: record.snapshotKey,
          spec,
        },
        signal,
      );
    },
    undo: (signal) => deps.objects.delete(record.id, signal),
  });
}
