import { AsyncLocalStorage } from 'node:async_hooks';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BootRecord } from './boot-record.ts';
import type { SinceLast } from './boot-record.ts';
import { checkPodDefaults } from './check-pod-defaults.ts';
import { createContainerd, createShims, SUPERVISED_FOLDER } from './containerd/index.ts';
import type { Containerd } from './containerd/index.ts';
import type { EngineConfig } from './engine-config.ts';
import type { Engine } from './engine-api.ts';
import { messageOf } from './errors.ts';
import { EventHub } from './events/index.ts';
import { createExecService, ShimProcesses } from './exec/index.ts';
import { APPARMOR_PARSER, onlineCpus, readBoot, readHostFacts, withoutSwitchedOff } from './host/index.ts';
import type { Boot } from './host/index.ts';
import { removeFormerBoot } from './former-boot.ts';
import { createImageService } from './image/index.ts';
import type { ImageObserver } from './image/index.ts';
import { observeImages } from './image-events.ts';
import { NO_INSTRUMENTS } from './instruments.ts';
import type { Instruments } from './instruments.ts';
import { Jobs } from './jobs.ts';
import { KeyedMutex } from './keyed-mutex.ts';
import { createLayerService, snapshotterFolders } from './layer/index.ts';
import { closeAll, startAll } from './lifecycle.ts';
import type { Service } from './lifecycle.ts';
import { createLogService } from './log/index.ts';
import type { Logger } from './logger.ts';
import { createNetworkService } from './network/index.ts';
import { createObserver } from './observer.ts';
import type { StepReport } from './op.ts';
import { AfterReboot } from './ops/after-reboot.ts';
import { ContainerExits } from './ops/container-exits.ts';
import type { OpsDeps } from './ops/deps.ts';
import { execTarget } from './ops/open-exec.ts';
import { createReconcileLoop, markRecords } from './ops/reconcile.ts';
import { LostTasks } from './ops/lost-tasks.ts';
import { restore, watchByShims } from './ops/restore.ts';
import { StdinEnds } from './ops/stdin-ends.ts';
import { preparePauseRoot } from './pause-root.ts';
import { ReadyGate } from './ready-gate.ts';
import { Marks } from './reconcile/index.ts';
import type { ReconcileReport } from './reconcile/index.ts';
import { reload } from './reload.ts';
import { RuntimeProbes } from './runtime-probes.ts';
import { createCgroupService } from './runtime/cgroup/index.ts';
import { ContainerdObjects } from './runtime/container-objects.ts';
import { createHandlers, LiveHandlers } from './runtime/handlers.ts';
import type { Handlers } from './runtime/handlers.ts';
import { createNamespaceService } from './runtime/namespaces/index.ts';
import { createPodPorts } from './runtime/pod-ports/index.ts';
import { createShimProcesses } from './runtime/shim-processes.ts';
import { ShimTasks } from './runtime/tasks.ts';
import {
  createAppArmorNode,
  createAppArmorProfiles,
  createLabeller,
  createRootfsReader,
  ImageFiles,
  createSecurityProfiles,
} from './security/index.ts';
import { createStatsService } from './stats/index.ts';
import { createStore } from './store/index.ts';
import { throughOutages } from './through-outages.ts';
import { createVerbs } from './verbs.ts';
import { createContainerVolumes, createMountSources, createPodFiles } from './volume/index.ts';
import { watchRecords } from './watch-records.ts';
import { WorkQueue } from './work-queue.ts';

/** Files that davit's other processes and threads start from. */
export interface EngineEntries {
  readonly pump: string;
  readonly namespaces: string;
  readonly rootfs: string;
  /** The static program that is a pod's PID 1, and makes user namespaces. */
  readonly pause: string;
}

export interface EngineDeps {
  readonly logger: Logger;
  readonly entries: EngineEntries;
  /** davit's own. */
  readonly version: string;
  /** The boot of the node that davitd runs in; absent: the kernel's. */
  readonly boot?: Boot;
  /** Told of every step of every operation, for metrics. */
  readonly stepEnded: (report: StepReport) => void;
  /** Told of every search for what no record owns, for metrics. */
  readonly reconciled: (report: ReconcileReport) => void;
  /** Measures and traces the engine's work. Absent: nobody does. */
  readonly instruments?: Instruments;
  /** Told of pulls, for metrics. */
  readonly pulls?: Pick<ImageObserver, 'received' | 'pullEnded'>;
  /** Told of each container whose exit status nobody could learn, for metrics. */
  readonly exitStatusLost: () => void;
}

export interface EngineRuntime {
  readonly engine: Engine;
  /** Starts everything and restores what ran; resolves when the engine is ready. Waits for containerd as long as it takes. */
  start(signal: AbortSignal): Promise<void>;
  /**
   * Applies what may change while davitd runs (see the configuration's live keys); the rest of `next` must be as it was.
   * Returns the tables that could not be applied after all. Throws before anything has changed, or not at all.
   */
  reload(next: EngineConfig, signal: AbortSignal): Promise<readonly 'handlers'[]>;
  /** Containers keep running. */
  close(): Promise<void>;
}

const ROOT_MODE = 0o700;
/** Passed through by others than root (a pod's files are mounted from below it), never listed. */
const STATE_MODE = 0o711;

/** Builds the subsystems, leaf first. Nothing runs before `start`; the node's facts are read here. */
export async function createEngine(config: EngineConfig, deps: EngineDeps): Promise<EngineRuntime> {
  const { logger, entries, instruments = NO_INSTRUMENTS } = deps;
  const detached = AsyncLocalStorage.snapshot();
  let live = config;
  const host = withoutSwitchedOff(await readHostFacts(), config.security);
  checkPodDefaults(config.pods, await onlineCpus());
  const store = createStore(config.root);
  const events = new EventHub();
  watchRecords(store, events);
  const containerd = createContainerd({
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
  const { clients } = containerd;
  const handlers = new LiveHandlers(createHandlers(config, host.cgroupDriver));
  const namespaces = createNamespaceService({
    state: config.state,
    workerEntry: entries.namespaces,
    program: entries.pause,
    logger,
  });
  const rootfs = createRootfsReader({ state: config.state, workerEntry: entries.rootfs, logger });
  const network = createNetworkService({ config, logger, instruments });
  const layers = createLayerService({ clients, root: config.root });
  const observer = createObserver(logger, deps.stepEnded, instruments);
  const images = createImageService({
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
    reports: observeImages(events, deps.pulls),
  });
  const work = new WorkQueue(config.limits);
  const tasks = new ShimTasks({
    client: clients.tasks,
    shims: createShims(config.containerdNamespace),
    work,
    logger,
  });
  const reachable = async (signal: AbortSignal): Promise<void> => void (await containerd.ready(signal));
  const exits = new ContainerExits({ tasks, logger, reachable, detached });
  const stdinEnds = new StdinEnds({ tasks, logger, reachable });
  const podPorts = createPodPorts({ entry: entries.namespaces, logger });
  const objects = new ContainerdObjects(clients.containers, config.root);
  const cgroups = createCgroupService({ layout: host.cgroup, driver: handlers.cgroupDriver });
  const processes = new ShimProcesses(clients.tasks);
  const execs = createExecService({ state: config.state, processes, specs: objects, cgroups, reachable, logger });
  const log = createLogService({
    entry: entries.pump,
    state: config.state,
    version: deps.version,
    maxLineBytes: config.log.maxLineBytes,
    onStdinClosed: (id) => stdinEnds.end(id),
    logger,
  });
  const jobs = new Jobs((key, error) => logger.error({ job: key, error: messageOf(error) }, 'a create was not undone'));
  const pauseRoot = join(config.root, 'pause');
  const runtimes = new RuntimeProbes(handlers, logger, host.kernelVersion, {
    remapsIds: (snapshotter) => remapsIds(containerd, snapshotter),
    version: () => containerd.facts()?.version,
  });
  const opsDeps: OpsDeps = {
    store,
    jobs,
    observer,
    logger,
    work,
    host,
    handlers,
    defaults: { pods: config.pods, containers: config.containers, security: config.security },
    runtimes,
    namespaces,
    network,
    podPorts,
    podFiles: createPodFiles({ state: config.state, mounts: namespaces }),
    mountSources: createMountSources(),
    volumes: createContainerVolumes({ root: config.root, state: config.state, trees: rootfs, mounts: namespaces }),
    images,
    layers,
    log,
    objects,
    tasks,
    execs,
    cgroups,
    imageFiles: new ImageFiles(rootfs),
    profiles: createSecurityProfiles(
      createAppArmorProfiles({ enabled: host.apparmor, node: createAppArmorNode(APPARMOR_PARSER) }),
    ),
    labeller: createLabeller(),
    exits,
    marks: new Marks(config.state),
    shims: createShimProcesses(config.containerdNamespace),
    containerd,
    exitStatusLost: deps.exitStatusLost,
    sandboxLocks: new KeyedMutex(),
    containerLocks: new KeyedMutex(),
    oomKillsBeforeKill: new Map(),
    kills: new Map(),
    stopping: new Set(),
    pause: config.pause,
    pauseRoot,
  };
  const stats = createStatsService({
    layout: host.cgroup,
    hugepageSizes: host.hugepageSizes,
    logger,
    sandboxes: store.sandboxes,
    containers: store.containers,
    layerUsage: (key, snapshotter, signal) => layers.usageOf(key, snapshotter, signal),
    snapshotterFolder: async (snapshotter, signal) => (await snapshotterFolders(clients, signal)).get(snapshotter),
  });
  const reconcile = createReconcileLoop({
    ...opsDeps,
    state: config.state,
    root: config.root,
    settings: () => live.reconcile,
    reported: deps.reconciled,
  });
  const gate = new ReadyGate();
  const boot = deps.boot ?? (await readBoot());
  const bootRecord = new BootRecord({ root: config.root, bootId: boot.id, logger });
  const afterReboot = new AfterReboot({ ...opsDeps, settled: () => bootRecord.settled() });
  let since: SinceLast = { rebooted: false, unclean: false };
  const services: readonly Service[] = [
    {
      name: 'records',
      start: async () => {
        await privateFolders(config);
        since = await bootRecord.begin();
        if (since.rebooted) {
          const removed = await removeFormerBoot(config.state, [SUPERVISED_FOLDER]);
          logger.warn({ ...since, removed }, 'the node was restarted');
        }
        await preparePauseRoot(pauseRoot, entries.pause);
        await store.start();
        await opsDeps.marks.start();
        await markRecords(opsDeps);
        for (const damaged of [...store.sandboxes.damaged, ...store.containers.damaged]) {
          logger.error({ ...damaged }, 'a record cannot be read');
        }
      },
      close: () => bootRecord.end(),
    },
    namespaces,
    rootfs,
    log,
    network,
    podPorts,
    containerd,
    execs,
    { name: 'watches', start: async () => undefined, close: () => exits.close() },
    { name: 'stdin ends', start: async () => undefined, close: () => stdinEnds.close() },
    {
      name: 'runtime',
      start: async (signal) => {
        if (!since.rebooted) watchByShims(opsDeps);
        await throughOutages({ reachable, logger }, signal, async () => {
          await Promise.all([images.start(signal), runtimes.start(signal)]);
          await instruments.around({ kind: 'action', name: 'restore', attributes: {} }, () =>
            restore(opsDeps, since.rebooted ? boot.startedAt : undefined, signal),
          );
        });
        await execs.recover((id) => execTarget(opsDeps, id));
        gate.open();
        afterReboot.begin(since);
        await network.gc(signal);
      },
      close: () => images.close(),
    },
    { name: 'after a reboot', start: async () => undefined, close: () => afterReboot.close() },
    { name: 'reconcile', start: async () => reconcile.start(), close: () => reconcile.close() },
    new LostTasks({ ...opsDeps, containerd }),
    { name: 'creates', start: async () => undefined, close: () => jobs.close() },
    stats,
  ];
  return {
    engine: createVerbs({ ...opsDeps, config: () => live, containerd, gate, runtimes, stats, events, instruments }),
    start: (signal) => startAll(services, signal),
    reload: async (next, signal) => {
      const held = await reload({ handlers, runtimes, images, network, work, driver: host.cgroupDriver }, next, signal);
      live = held.includes('handlers') ? { ...next, handlers: live.handlers } : next;
      return held;
    },
    close: () => closeAll(services),
  };
}

/** The default handler's first: pulls unpack for it. */
function snapshottersOf(handlers: Handlers): readonly [string, ...string[]] {
  const [first = handlers.resolve(''), ...others] = handlers.all;
  return [first.config.snapshotter, ...new Set(others.map((handler) => handler.config.snapshotter))];
}

/** A root of a user namespace is the image's layers with their ids shifted by the kernel. */
function remapsIds(containerd: Containerd, snapshotter: string): boolean {
  const facts = containerd.facts()?.snapshotters.find(({ name }) => name === snapshotter);
  return facts?.capabilities.includes('remap-ids') === true;
}

async function privateFolders({ root, state }: EngineConfig): Promise<void> {
  for (const [dir, mode] of [
    [root, ROOT_MODE],
    [state, STATE_MODE],
  ] as const) {
    await mkdir(dir, { recursive: true, mode });
    await chmod(dir, mode); // also one that an earlier version, or the umask, made otherwise
  }
}
