import { checkPodDefaults } from './check-pod-defaults.ts';
import type { EngineConfig } from './engine-config.ts';
import type { Engine } from './engine-api.ts';
import type { EngineDeps } from './engine-deps.ts';
import { onlineCpus, readBoot, readHostFacts, withoutSwitchedOff } from './host/index.ts';
import { NO_INSTRUMENTS } from './instruments.ts';
import { snapshotterFolders } from './layer/index.ts';
import { closeAll, startAll } from './lifecycle.ts';
import { ReadyGate } from './ready-gate.ts';
import { reload } from './reload.ts';
import { createServices } from './services.ts';
import { createStatsService } from './stats/index.ts';
import type { StatsService } from './stats/index.ts';
import { createSubsystems } from './subsystems.ts';
import type { Subsystems } from './subsystems.ts';
import { createVerbs } from './verbs.ts';

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

/** Nothing runs before `start`; the node's facts are read here. */
export async function createEngine(config: EngineConfig, deps: EngineDeps): Promise<EngineRuntime> {
  const { instruments = NO_INSTRUMENTS } = deps;
  let live = config;
  const host = withoutSwitchedOff(await readHostFacts(), config.security);
  checkPodDefaults(config.pods, await onlineCpus());
  const subsystems = createSubsystems(config, host, deps);
  const { ops, containerd, handlers, runtimes, images, network, work, events } = subsystems;
  const stats = statsOf(subsystems, deps);
  const gate = new ReadyGate();
  const boot = deps.boot ?? (await readBoot());
  const services = createServices(config, { ...deps, subsystems, stats, gate, boot, live: () => live });
  return {
    engine: createVerbs({ ...ops, config: () => live, containerd, gate, runtimes, stats, events, instruments }),
    start: (signal) => startAll(services, signal),
    reload: async (next, signal) => {
      const held = await reload({ handlers, runtimes, images, network, work, driver: host.cgroupDriver }, next, signal);
      live = held.includes('handlers') ? { ...next, handlers: live.handlers } : next;
      return held;
    },
    close: () => closeAll(services),
  };
}

function statsOf({ host, store, layers, containerd }: Subsystems, { logger }: EngineDeps): StatsService {
  return createStatsService({
    layout: host.cgroup,
    hugepageSizes: host.hugepageSizes,
    logger,
    sandboxes: store.sandboxes,
    containers: store.containers,
    layerUsage: (key, snapshotter, signal) => layers.usageOf(key, snapshotter, signal),
    snapshotterFolder: async (snapshotter, signal) =>
      (await snapshotterFolders(containerd.clients, signal)).get(snapshotter),
  });
}
