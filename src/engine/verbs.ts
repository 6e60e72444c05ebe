import type { Containerd } from './containerd/index.ts';
import type { Engine } from './engine-api.ts';
import type { EngineConfig } from './engine-config.ts';
import { EngineError } from './errors.ts';
import type { EventHub } from './events/index.ts';
import { filterContainers, filterSandboxes } from './filters.ts';
import { inspectContainer, inspectSandbox } from './inspect.ts';
import { nodeStatus } from './node-status.ts';
import { attachContainer } from './ops/attach-container.ts';
import { connectPort } from './ops/connect-port.ts';
import { createContainer } from './ops/create-container.ts';
import type { OpsDeps } from './ops/deps.ts';
import { execSync } from './ops/exec-sync.ts';
import { openExec } from './ops/open-exec.ts';
import { removeContainer } from './ops/remove-container.ts';
import { removeSandbox } from './ops/remove-sandbox.ts';
import { reopenContainerLog } from './ops/reopen-log.ts';
import { runSandbox } from './ops/run-sandbox.ts';
import { startContainer } from './ops/start-container.ts';
import { stopContainer } from './ops/stop-container.ts';
import { stopSandbox } from './ops/stop-sandbox.ts';
import { updateContainer } from './ops/update-container.ts';
import { updateSandbox } from './ops/update-sandbox.ts';
import { updateWindowsContainer } from './ops/update-windows-container.ts';
import type { Instruments } from './instruments.ts';
import type { ReadyGate } from './ready-gate.ts';
import type { RuntimeProbes } from './runtime-probes.ts';
import type { StatsService } from './stats/index.ts';
import type { StringMap } from './types/index.ts';
import { podSnapshot } from './watch-records.ts';
import { whenReady } from './when-ready.ts';

export interface VerbsDeps extends OpsDeps {
  /** As it is in force. */
  readonly config: () => EngineConfig;
  readonly containerd: Containerd;
  readonly gate: ReadyGate;
  readonly stats: StatsService;
  readonly events: EventHub;
  readonly instruments: Instruments;
  readonly runtimes: Pick<RuntimeProbes, 'probes' | 'features'>;
}

/** The engine's verbs over its subsystems: one line each, the work is in ops/. */
export function createVerbs(deps: VerbsDeps): Engine {
  const { store, images, containerd, network, handlers, gate, stats, events } = deps;
  const action = <T>(name: string, attributes: StringMap, run: () => Promise<T>): Promise<T> =>
    deps.instruments.around({ kind: 'action', name, attributes }, run);
  const isReady = (): boolean => gate.isOpen;
  return Object.freeze<Engine>({
    runSandbox: (spec, signal) => action('run-sandbox', {}, () => runSandbox(deps, spec, signal)),
    stopSandbox: (id, signal) => action('stop-sandbox', { sandbox: id }, () => stopSandbox(deps, id, signal)),
    removeSandbox: (id, signal) => action('remove-sandbox', { sandbox: id }, () => removeSandbox(deps, id, signal)),
    updateSandbox: (id, update) => updateSandbox(deps, id, update),
    getSandbox: (id) => store.sandboxes.need(id),
    listSandboxes: (filter) => filterSandboxes(store.sandboxes.list(), filter),
    inspectSandbox: (id, signal) => inspectSandbox(deps, store.sandboxes.need(id), signal),
    connectPort: (sandboxId, port, signal) => connectPort(deps, sandboxId, port, signal),

    createContainer: (sandboxId, spec, signal) =>
      action('create-container', { sandbox: sandboxId }, () => createContainer(deps, sandboxId, spec, signal)),
    startContainer: (id, signal) =>
      action('start-container', { container: id }, () => startContainer(deps, id, signal)),
    stopContainer: (id, graceSeconds, signal) =>
      action('stop-container', { container: id }, () => stopContainer(deps, id, graceSeconds, signal)),
    removeContainer: (id, signal) =>
      action('remove-container', { container: id }, () => removeContainer(deps, id, signal)),
    updateContainer: (id, update, signal) =>
      action('update-container', { container: id }, () => updateContainer(deps, id, update, signal)),
    updateWindowsContainer: (id, update, signal) =>
      action('update-container', { container: id }, () => updateWindowsContainer(deps, id, update, signal)),
    getContainer: (id) => store.containers.need(id),
    listContainers: (filter) => filterContainers(store.containers.list(), filter),
    inspectContainer: (id, signal) => inspectContainer(deps, store.containers.need(id), signal),
    attachContainer: (id, streams, signal) => attachContainer(deps, id, streams, signal),
    reopenContainerLog: (id, signal) => reopenContainerLog(deps, id, signal),
    execSync: (id, cmd, timeoutSeconds, signal) =>
      action('exec-sync', { container: id }, () => execSync(deps, id, cmd, timeoutSeconds, signal)),
    openExec: (id, request, signal) => openExec(deps, id, request, signal),

    containerStats: async (id) => first(await stats.containers([store.containers.need(id)])),
    listContainerStats: (filter) =>
      stats.containers(filterContainers(store.containers.list(), { ...filter, state: 'running' })),
    sandboxStats: async (id) => first(await stats.sandboxes([store.sandboxes.need(id)])),
    listSandboxStats: (filter) =>
      stats.sandboxes(filterSandboxes(store.sandboxes.list(), { ...filter, state: 'ready' })),

    podStatus: (id) => ({ ...podSnapshot(store, store.sandboxes.need(id)), time: events.now() }),
    podEvents: (signal) => events.podEvents(signal),
    events: (filter) => events.history(filter),
    followEvents: (filter, signal) => events.follow(filter, signal),

    pullImage: (request, signal) => action('pull-image', { image: request.image }, () => images.pull(request, signal)),
    getImage: (image) => images.get(image),
    listImages: (filter) => images.list(filter),
    removeImage: (image, signal) => action('remove-image', { image }, () => images.remove(image, signal)),
    imageFsInfo: () => images.fsInfo(),
    imageWork: () => images.work(),

    outputStatus: (signal) => deps.log.status(signal),
    outputHealth: () => deps.log.health,
    status: () => nodeStatus({ containerd, network, handlers, runtimes: deps.runtimes, isReady }),
    handlerPlatform: (name) => handlers.resolve(name).platform,
    cgroupDriver: () => handlers.cgroupDriver,
    containerdIsReachable: () => containerd.status().ready,
    containerdVersion: () => containerd.facts()?.version ?? '',
    setPodCidrs: (cidrs) => network.setPodCidrs(cidrs),
    info: () => info(deps),

    ready: (need, signal) =>
      whenReady({ gate, containerd, containerdWaitMs: deps.config().containerdWaitMs }, need, signal),
    isReady,
  });
}

/** One answer for one question. */
function first<T>([item]: readonly T[]): T {
  if (item === undefined) throw new EngineError('internal', 'no stats of a record that is there');
  return item;
}

function info({ config, containerd, host, store, runtimes }: VerbsDeps): Readonly<Record<string, unknown>> {
  const facts = containerd.facts();
  return {
    config: config(),
    containerd: {
      ...containerd.choice(),
      version: facts?.version ?? '',
      snapshotters: facts?.snapshotters.map((snapshotter) => snapshotter.name) ?? [],
    },
    host: {
      cgroupMode: host.cgroup.mode,
      kernelVersion: host.kernelVersion,
      apparmor: host.apparmor,
      selinux: host.selinux !== undefined,
    },
    runtimes: runtimes.probes,
    damagedRecords: [...store.sandboxes.damaged, ...store.containers.damaged],
  };
}
