import type { Lease } from '../containerd/leases.ts';
import { EngineError } from '../errors.ts';
import { defineOp, runOp } from '../op.ts';
import type { OpObserver, StepFn } from '../op.ts';
import type { Credentials } from './credentials.ts';
import type { DocumentStore } from './document-store.ts';
import type { FetchContext, LayerFetcher } from './fetch-layer.ts';
import type { Platform } from './platform.ts';
import type { PullLeases } from './pull-leases.ts';
import type { PullProgress } from './pull-progress.ts';
import type { Reference } from './reference.ts';
import { openRegistry } from './registry.ts';
import type { Registry, RegistryDeps } from './registry.ts';
import { openImage } from './stored-image.ts';
import type { StoredImage } from './stored-image.ts';
import { unpackImage } from './unpack-image.ts';
import type { UnpackImageDeps } from './unpack-image.ts';

export interface PullDeps extends UnpackImageDeps {
  readonly registry: RegistryDeps;
  readonly observer: OpObserver;
  readonly leases: PullLeases;
  readonly documents: DocumentStore;
  readonly fetcher: LayerFetcher;
  /** Makes the image known under its names. */
  readonly record: (reference: Reference, image: StoredImage, signal: AbortSignal) => Promise<void>;
}

export interface PullJob {
  readonly reference: Reference;
  readonly credentials: Credentials | undefined;
  readonly platform: Platform;
  readonly snapshotter: string;
  /** Whether it may be an artifact. */
  readonly artifacts: boolean;
  readonly progress: PullProgress;
}

export const PULL_IMAGE = defineOp('pull-image', [
  'resolve',
  'acquire-lease',
  'read-manifest',
  'fetch-and-unpack',
  'record',
  'release-lease',
]);

/** What a registry is given is up to the progress that it makes; these are for what nobody watches. */
const RESOLVE_DEADLINE_MS = 10 * 60_000;
const CALL_DEADLINE_MS = 60_000;
/** As long as a pull's lease lasts. */
const FETCH_DEADLINE_MS = 24 * 60 * 60_000;

/**
 * Pulls one image: resolve → manifest and config → fetch layers ∥ unpack in order → record. Until it is recorded all of
 * it belongs to a lease, so that a pull that does not come to its end leaves nothing but what a retry can use.
 */
export async function pullImage(deps: PullDeps, job: PullJob, signal: AbortSignal): Promise<StoredImage> {
  const registry = await openRegistry(job.reference, job.credentials, deps.registry);
  const context = { subject: { image: job.reference.canonical }, signal, observer: deps.observer };
  try {
    return await runOp(PULL_IMAGE, context, (step) => runSteps(deps, job, registry, step));
  } finally {
    await registry.close();
  }
}

async function runSteps(
  deps: PullDeps,
  job: PullJob,
  registry: Registry,
  step: StepFn<(typeof PULL_IMAGE.steps)[number]>,
): Promise<StoredImage> {
  const { progress, reference } = job;
  const watched = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, progress.signal]);
  let lease: Lease | undefined;
  let failure: unknown;
  try {
    // A pull that the registry refuses leaves no trace in containerd.
    const resolved = await step('resolve', {
      deadlineMs: RESOLVE_DEADLINE_MS,
      do: (signal) => progress.network(() => registry.resolve(watched(signal))),
    });
    const { id } = await step('acquire-lease', {
      deadlineMs: CALL_DEADLINE_MS,
      do: async (signal) => {
        lease = await deps.leases.acquire(reference.canonical, signal);
        return lease;
      },
      undo: async () => {
        if (lease !== undefined) await deps.leases.failed(lease, reference.canonical, failure);
      },
    });
    const image = await step('read-manifest', {
      deadlineMs: RESOLVE_DEADLINE_MS,
      do: (signal) => openRemote(deps, job, { registry, lease: id, resolved }, watched(signal)),
    });
    await step('fetch-and-unpack', {
      deadlineMs: FETCH_DEADLINE_MS,
      do: (signal) => fetchAndUnpack(deps, job, image, { registry, lease: id, progress }, watched(signal)),
    });
    await step('record', { deadlineMs: CALL_DEADLINE_MS, do: (signal) => deps.record(reference, image, signal) });
    await step('release-lease', {
      deadlineMs: CALL_DEADLINE_MS,
      do: async () => {
        if (lease !== undefined) await deps.leases.succeeded(lease, reference.canonical);
      },
    });
    return image;
  } catch (error) {
    failure = error;
    throw error;
  }
}

interface Source {
  readonly registry: Registry;
  readonly lease: string;
  readonly resolved: Awaited<ReturnType<Registry['resolve']>>;
}

/** Reads manifest and config, from the store where it has them, and ties them together there. */
async function openRemote(deps: PullDeps, job: PullJob, source: Source, signal: AbortSignal): Promise<StoredImage> {
  const { registry, lease, resolved } = source;
  const image = await openImage(
    resolved.descriptor,
    job.reference.canonical,
    job.platform,
    (descriptor, kind) => {
      const known = descriptor.digest === resolved.descriptor.digest ? resolved.bytes : undefined;
      const fetch = async (): Promise<Uint8Array> =>
        known ?? job.progress.network(() => registry.fetchDocument(kind, descriptor, signal));
      return deps.documents.obtain(descriptor, lease, fetch, signal);
    },
    signal,
  );
  if (image.artifact !== undefined && !job.artifacts) {
    const message = `${job.reference.canonical} is no container image but an artifact (${image.artifact.type}): images.artifacts is off`;
    throw new EngineError('failed-precondition', message);
  }
  await deps.documents.label(image.path, signal);
  return image;
}

/** Fetches all layers at once, as far as the node's queue lets it, and unpacks them in order as they come. */
async function fetchAndUnpack(
  deps: PullDeps,
  job: PullJob,
  image: StoredImage,
  context: FetchContext,
  signal: AbortSignal,
): Promise<void> {
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const unique = new Map(image.layers.map((layer) => [layer.digest, layer]));
  job.progress.expect(
    unique.size,
    [...unique.values()].reduce((sum, layer) => sum + layer.size, 0),
  );
  const fetches = new Map([...unique].map(([digest, layer]) => [digest, deps.fetcher.fetch(layer, context, both)]));
  const layerIsThere = async (i: number): Promise<void> => fetches.get(image.layers[i]?.digest ?? '');
  const { snapshotter } = job;
  const unpacked = unpackImage(deps, { image, snapshotter, lease: context.lease, layerIsThere }, both);
  // The first layer that fails ends the pull, whichever the unpacking waits for.
  const all = [...fetches.values(), unpacked];
  try {
    await Promise.all(all);
  } catch (error) {
    failed.abort(error);
    throw error;
  } finally {
    await Promise.allSettled(all);
  }
}
