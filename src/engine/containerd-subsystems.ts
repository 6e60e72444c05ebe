import { AsyncLocalStorage } from 'node:async_hooks';
import { createContainerd, createShims, ShimCalls, ShimExecs } from './containerd/index.ts';
import type { Containerd } from './containerd/index.ts';
import type { EngineConfig } from './engine-config.ts';
import type { EngineDeps } from './engine-deps.ts';
import type { EventHub } from './events/index.ts';
import { createExecService, DirectTasks, ShimProcesses } from './exec/index.ts';
import { createImageService } from './image/index.ts';
import type { ImageService } from './image/index.ts';
import { observeImages } from './image-events.ts';
import { NO_INSTRUMENTS } from './instruments.ts';
import { createLayerService } from './layer/index.ts';
import type { LayerService } from './layer/index.ts';
import type { OpObserver } from './op.ts';
import { ContainerExits } from './ops/container-exits.ts';
import { StdinEnds } from './ops/stdin-ends.ts';
import type { CgroupService } from './runtime/cgroup/index.ts';
import { ContainerdObjects } from './runtime/container-objects.ts';
import type { Handlers } from './runtime/handlers.ts';
import { ShimTasks } from './runtime/tasks.ts';
import type { Store } from './store/index.ts';
import { WorkQueue } from './work-queue.ts';

export interface ContainerdSubsystemsDeps extends Pick<EngineDeps, 'logger' | 'instruments' | 'pulls'> {
  readonly store: Store;
  readonly events: EventHub;
  readonly handlers: Handlers;
  readonly observer: OpObserver;
  readonly cgroups: CgroupService;
}

export type ContainerdSubsystems = ReturnType<typeof createContainerdSubsystems>;

/** Builds containerd's side of the engine, and what works through it and its shims. */
export function createContainerdSubsystems(config: EngineConfig, deps: ContainerdSubsystemsDeps) {
  const { logger, cgroups, store } = deps;
  const detached = AsyncLocalStorage.snapshot();
  const containerd = containerdOf(config, deps);
  const { clients } = containerd;
  const reachable = async (signal: AbortSignal): Promise<void> => void (await containerd.ready(signal));
  const layers = createLayerService({ clients, root: config.root });
  const work = new WorkQueue(config.limits);
  const shimCalls = new ShimCalls(config.containerdNamespace);
  const tasks = new ShimTasks({ client: clients.tasks, shims: createShims(shimCalls), work, logger });
  const objects = new ContainerdObjects(clients.containers, config.root);
  const direct = new DirectTasks({
    shims: new ShimExecs(shimCalls),
    shimOf: (id) => store.containers.get(id)?.shim,
    containerd: clients.tasks,
  });
  const processes = new ShimProcesses(direct);
  return {
    containerd,
    /** Resolves as soon as containerd answers. */
    reachable,
    layers,
    images: imagesOf(config, deps, containerd, layers),
    work,
    tasks,
    objects,
    execs: createExecService({ state: config.state, processes, specs: objects, cgroups, reachable, logger }),
    exits: new ContainerExits({ tasks, logger, reachable, detached }),
    stdinEnds: new StdinEnds({ tasks, logger, reachable }),
  };
}

function containerdOf(
  config: EngineConfig,
  { logger, store, instruments = NO_INSTRUMENTS }: ContainerdSubsystemsDeps,
): Containerd {
  return createContainerd({
    settings: {
      address: config.containerdAddress,
      namespace: config.containerdNamespace,
      waitMs: config.containerdWaitMs,
      root: config.root,
      state: config.state,
    },
    logger,
    hasRecords: () => !store.sandboxes.isEmpty || !store.containers.isEmpty,
    instruments,
  });
}

function imagesOf(
  config: EngineConfig,
  { observer, logger, handlers, events, pulls }: ContainerdSubsystemsDeps,
  { clients }: Containerd,
  layers: LayerService,
): ImageService {
  return createImageService({
    observer,
    clients,
    namespace: config.containerdNamespace,
    root: config.root,
    layers,
    logger,
    options: {
      registryConfigPath: config.registryConfigPath,
      ...config.images,
      snapshotters: snapshottersOf(handlers),
    },
    env: process.env,
    arch: process.arch,
    reports: observeImages(events, pulls),
  });
}

/** The default handler's first: pulls unpack for it. */
function snapshottersOf(handlers: Handlers): readonly [string, ...string[]] {
  const [first = handlers.resolve(''), ...others] = handlers.all;
  return [first.config.snapshotter, ...new Set(others.map((handler) => handler.config.snapshotter))];
}
