import { join } from 'node:path';
import { createContainerdSubsystems } from './containerd-subsystems.ts';
import type { ContainerdSubsystems } from './containerd-subsystems.ts';
import type { Containerd } from './containerd/index.ts';
import type { EngineConfig } from './engine-config.ts';
import type { EngineDeps } from './engine-deps.ts';
import { messageOf } from './errors.ts';
import { EventHub } from './events/index.ts';
import { APPARMOR_PARSER } from './host/index.ts';
import type { HostFacts } from './host/index.ts';
import { NO_INSTRUMENTS } from './instruments.ts';
import { Jobs } from './jobs.ts';
import { KeyedMutex } from './keyed-mutex.ts';
import { createLogService } from './log/index.ts';
import { createNetworkService } from './network/index.ts';
import { createObserver } from './observer.ts';
import type { OpsDeps } from './ops/deps.ts';
import { Marks } from './reconcile/index.ts';
import { RuntimeProbes } from './runtime-probes.ts';
import { createCgroupService } from './runtime/cgroup/index.ts';
import { createHandlers, LiveHandlers } from './runtime/handlers.ts';
import { createNamespaceService } from './runtime/namespaces/index.ts';
import { createPodPorts } from './runtime/pod-ports/index.ts';
import { createShimProcesses } from './runtime/shim-processes.ts';
import {
  createAppArmorNode,
  createAppArmorProfiles,
  createLabeller,
  createRootfsReader,
  ImageFiles,
  createSecurityProfiles,
} from './security/index.ts';
import { createStore } from './store/index.ts';
import { createContainerVolumes, createMountSources, createPodFiles } from './volume/index.ts';
import { watchRecords } from './watch-records.ts';

export type Subsystems = ReturnType<typeof createSubsystems>;
type NodeSubsystems = ReturnType<typeof createNodeSubsystems>;

/** Builds the subsystems, leaf first. Nothing runs yet. */
export function createSubsystems(config: EngineConfig, host: HostFacts, deps: EngineDeps) {
  const { logger, instruments = NO_INSTRUMENTS } = deps;
  const store = createStore(config.root);
  const events = new EventHub();
  watchRecords(store, events);
  const observer = createObserver(logger, deps.stepEnded, instruments);
  const handlers = new LiveHandlers(createHandlers(config, host.cgroupDriver));
  const onNode = createNodeSubsystems(config, host, handlers, deps);
  const onContainerd = createContainerdSubsystems(config, {
    ...deps,
    store,
    events,
    handlers,
    observer,
    cgroups: onNode.cgroups,
  });
  const { containerd, stdinEnds } = onContainerd;
  const runtimes = new RuntimeProbes(handlers, logger, host.kernelVersion, {
    remapsIds: (snapshotter) => remapsIds(containerd, snapshotter),
    version: () => containerd.facts()?.version,
  });
  const log = createLogService({
    entry: deps.entries.pump,
    state: config.state,
    version: deps.version,
    maxLineBytes: config.log.maxLineBytes,
    onStdinClosed: (id) => stdinEnds.end(id),
    logger,
  });
  const parts = { ...onNode, ...onContainerd, store, observer, handlers, runtimes, log, host };
  return { ...parts, events, ops: opsDepsOf(config, parts, deps) };
}

/** What works on the node itself: its namespaces, networks and cgroups. */
function createNodeSubsystems(
  config: EngineConfig,
  host: HostFacts,
  handlers: LiveHandlers,
  { logger, entries, instruments = NO_INSTRUMENTS }: EngineDeps,
) {
  return {
    namespaces: createNamespaceService({
      state: config.state,
      workerEntry: entries.namespaces,
      program: entries.pause,
      logger,
    }),
    rootfs: createRootfsReader({ state: config.state, workerEntry: entries.rootfs, logger }),
    network: createNetworkService({ config, logger, instruments }),
    podPorts: createPodPorts({ entry: entries.namespaces, logger }),
    cgroups: createCgroupService({ layout: host.cgroup, driver: handlers.cgroupDriver }),
  };
}

function opsDepsOf(
  config: EngineConfig,
  parts: NodeSubsystems &
    ContainerdSubsystems &
    Pick<OpsDeps, 'store' | 'observer' | 'handlers' | 'runtimes' | 'log' | 'host'>,
  { logger, exitStatusLost }: EngineDeps,
): OpsDeps {
  const { host, namespaces, rootfs } = parts;
  return {
    ...parts,
    logger,
    exitStatusLost,
    jobs: new Jobs((key, error) => logger.error({ job: key, error: messageOf(error) }, 'a create was not undone')),
    defaults: {
      pods: config.pods,
      containers: config.containers,
      security: config.security,
      classes: config.classes,
    },
    podFiles: createPodFiles({ state: config.state, mounts: namespaces }),
    mountSources: createMountSources(),
    volumes: createContainerVolumes({ root: config.root, state: config.state, trees: rootfs, mounts: namespaces }),
    imageFiles: new ImageFiles(rootfs),
    profiles: createSecurityProfiles(
      createAppArmorProfiles({ enabled: host.apparmor, node: createAppArmorNode(APPARMOR_PARSER) }),
    ),
    labeller: createLabeller(),
    marks: new Marks(config.state),
    shims: createShimProcesses(config.containerdNamespace),
    sandboxLocks: new KeyedMutex(),
    containerLocks: new KeyedMutex(),
    oomKillsBeforeKill: new Map(),
    kills: new Map(),
    stopping: new Set(),
    pause: config.pause,
    pauseRoot: join(config.root, 'pause'),
  };
}

/** A root of a user namespace is the image's layers with their ids shifted by the kernel. */
function remapsIds(containerd: Containerd, snapshotter: string): boolean {
  const facts = containerd.facts()?.snapshotters.find(({ name }) => name === snapshotter);
  return facts?.capabilities.includes('remap-ids') === true;
}
