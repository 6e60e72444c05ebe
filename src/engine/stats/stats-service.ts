import { setTimeout as delay } from 'node:timers/promises';
import { isKind, messageOf } from '../errors.ts';
import type { CgroupLayout } from '../host/index.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../logger.ts';
import { BlockDevices } from './block-devices.ts';
import { createCgroupReader, processTree } from './cgroup-reader.ts';
import type { CgroupReader } from './cgroup-reader.ts';
import { ContainerSampler } from './container-sampler.ts';
import type { ContainerSamplerDeps, StatsContainer } from './container-sampler.ts';
import { readFilesystem } from './filesystem.ts';
import { SandboxSampler } from './sandbox-sampler.ts';
import type { StatsSandbox } from './sandbox-sampler.ts';
import type { ContainerStats, SandboxStats } from './stats-types.ts';
import { Sweep } from './sweep.ts';

export interface StatsDeps {
  readonly layout: CgroupLayout;
  readonly hugepageSizes: readonly string[];
  readonly logger: Logger;
  readonly sandboxes: Objects<StatsSandbox>;
  readonly containers: Objects<StatsContainer>;
  readonly layerUsage: ContainerSamplerDeps['layerUsage'];
  /** Where a snapshotter keeps its data; undefined when it does not say. */
  readonly snapshotterFolder: (snapshotter: string, signal: AbortSignal) => Promise<string | undefined>;
}

/** What there is, from memory. */
export interface Objects<T> {
  /** All that callers may see: the same array until something changes. */
  list(): readonly T[];
  get(id: string): T | undefined;
}

/**
 * What pods and containers use, sampled in the background and answered from memory. Who is new and has no sample yet is
 * sampled when asked for, which takes no longer than a short deadline.
 */
export interface StatsService extends Service {
  /** Of containers in any state; one that does not run has no usage. */
  containers(wanted: readonly StatsContainer[]): Promise<readonly ContainerStats[]>;
  sandboxes(wanted: readonly StatsSandbox[]): Promise<readonly SandboxStats[]>;
}

/** The containers that run, worked out once for each array that the store gives. */
interface Running {
  readonly of: readonly StatsContainer[];
  readonly all: readonly StatsContainer[];
  readonly bySandbox: ReadonlyMap<string, readonly StatsContainer[]>;
}

const INTERVAL_MS = 10_000;
/** Open files and writable layers cost a call for each file. */
const DETAILS_INTERVAL_MS = 60_000;
/** Cgroups that are read at once; each takes one thread of libuv's pool of four while the kernel works. */
const PARALLEL = 2;
const DETAILS_PARALLEL = 1;
/** How long an answer waits for the first samples of what is new. */
const FIRST_SAMPLE_MS = 1000;

export function createStatsService(deps: StatsDeps): StatsService {
  return new Stats(deps);
}

class Stats implements StatsService {
  readonly name = 'stats';
  readonly #deps: StatsDeps;
  readonly #cgroups: CgroupReader;
  readonly #devices = new BlockDevices();
  readonly #containers = new Map<string, ContainerSampler>();
  readonly #sandboxes = new Map<string, SandboxSampler>();
  readonly #folders = new Map<string, string>();
  readonly #usage: Sweep;
  readonly #details: Sweep;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Running = { of: [], all: [], bySandbox: new Map() };

  constructor(deps: StatsDeps) {
    this.#deps = deps;
    this.#cgroups = createCgroupReader({ ...deps, devices: this.#devices });
    this.#usage = new Sweep((id) => this.#guard(id, () => this.#sample(id)), PARALLEL);
    this.#details = new Sweep((id) => this.#guard(id, () => this.#sampleDetails(id)), DETAILS_PARALLEL);
  }

  async start(): Promise<void> {
    await this.#devices.refresh();
    this.#timer ??= setInterval(() => this.#tick(), INTERVAL_MS).unref();
    this.#tick();
  }

  /** Does not wait for samples that are being taken: nothing can end a read that hangs in the kernel. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    this.#usage.clear();
    this.#details.clear();
  }

  async containers(wanted: readonly StatsContainer[]): Promise<readonly ContainerStats[]> {
    await this.#firstSamples(wanted, []);
    return wanted.map((container) => this.#show(container));
  }

  async sandboxes(wanted: readonly StatsSandbox[]): Promise<readonly SandboxStats[]> {
    const { bySandbox } = this.#runningNow();
    const isNew = (container: StatsContainer): boolean => this.#lacksSample(container);
    const changed = wanted.filter(({ id }) => !this.#sandboxes.has(id) || bySandbox.get(id)?.some(isNew));
    await this.#firstSamples(
      wanted.flatMap(({ id }) => bySandbox.get(id) ?? []),
      changed.map(({ id }) => id),
    );
    return wanted.map((sandbox) =>
      this.#sandboxSampler(sandbox.id).show(
        sandbox,
        (bySandbox.get(sandbox.id) ?? []).map((container) => this.#show(container)),
      ),
    );
  }

  /** One look at everything that runs, and at the details of those whose time has come. What runs no more is forgotten. */
  #tick(): void {
    const running = this.#runningNow().all;
    const ready = this.#deps.sandboxes.list().filter(({ state }) => state.phase === 'ready');
    keepOnly(this.#containers, running);
    keepOnly(this.#sandboxes, ready);
    const now = performance.now();
    const due = running.filter(({ id }) => (this.#containers.get(id)?.detailsDueAtMs ?? 0) <= now);
    for (const { id } of due) this.#containerSampler(id).detailsDueAtMs = now + DETAILS_INTERVAL_MS;
    if (due.length > 0) void this.#guard('block devices', () => this.#devices.refresh());
    this.#usage.add([...running, ...ready].map(({ id }) => id));
    this.#details.add(due.map(({ id }) => id));
  }

  async #firstSamples(containers: readonly StatsContainer[], sandboxIds: readonly string[]): Promise<void> {
    const lacking = containers.filter((container) => this.#lacksSample(container));
    await Promise.all([
      ...lacking.map(({ id }) => this.#firstSample(id)),
      within(sandboxIds.map((id) => this.#usage.now(id))),
    ]);
  }

  #firstSample(id: string): Promise<void> {
    const sampler = this.#containerSampler(id);
    if (sampler.first === undefined) {
      sampler.detailsDueAtMs = performance.now() + DETAILS_INTERVAL_MS;
      const ended = within([this.#usage.now(id), this.#details.now(id)]);
      const first = { ended: ended.then(() => void (first.hasEnded = true)), hasEnded: false };
      sampler.first = first;
    }
    return sampler.first.ended;
  }

  /** Waited for once: what cannot be sampled does not hold up every answer. */
  #lacksSample({ id, state }: StatsContainer): boolean {
    if (state.phase !== 'running') return false;
    const sampler = this.#containers.get(id);
    return sampler === undefined || !(sampler.isComplete || sampler.first?.hasEnded);
  }

  async #sample(id: string): Promise<void> {
    const container = this.#deps.containers.get(id);
    if (container !== undefined) return await this.#containerSampler(id).sample(container);
    const sandbox = this.#deps.sandboxes.get(id);
    if (sandbox === undefined) return;
    const inside = this.#runningNow().bySandbox.get(id) ?? [];
    const pids = inside.flatMap(({ state }) => (state.phase === 'running' ? [state.pid] : []));
    await this.#sandboxSampler(id).sample(sandbox, sandbox.pausePid === undefined ? pids : [sandbox.pausePid, ...pids]);
  }

  async #sampleDetails(id: string): Promise<void> {
    const container = this.#deps.containers.get(id);
    if (container !== undefined) await this.#containerSampler(id).sampleDetails(container, this.#stop.signal);
  }

  /** A sample that fails is taken again at the next tick; who is gone meanwhile had no sample to give. */
  async #guard(subject: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#stop.signal.aborted || isKind(error, 'unavailable') || isKind(error, 'not-found')) return;
      this.#deps.logger.debug({ subject, error: messageOf(error) }, 'a sample could not be taken');
    }
  }

  #show(container: StatsContainer): ContainerStats {
    const sampler = this.#containers.get(container.id) ?? new ContainerSampler(this.#samplerDeps());
    return sampler.show(container);
  }

  #runningNow(): Running {
    const of = this.#deps.containers.list();
    if (of !== this.#running.of) {
      const all = of.filter(({ state }) => state.phase === 'running');
      this.#running = { of, all, bySandbox: Map.groupBy(all, ({ sandboxId }) => sandboxId) };
    }
    return this.#running;
  }

  #containerSampler(id: string): ContainerSampler {
    const sampler = this.#containers.get(id) ?? new ContainerSampler(this.#samplerDeps());
    this.#containers.set(id, sampler);
    return sampler;
  }

  #sandboxSampler(id: string): SandboxSampler {
    const sampler = this.#sandboxes.get(id) ?? new SandboxSampler(this.#cgroups);
    this.#sandboxes.set(id, sampler);
    return sampler;
  }

  #samplerDeps(): ContainerSamplerDeps {
    return {
      cgroups: this.#cgroups,
      processTree: processTree(this.#deps.layout),
      layerUsage: this.#deps.layerUsage,
      filesystem: async (snapshotter, signal) => {
        const folder = this.#folders.get(snapshotter) ?? (await this.#deps.snapshotterFolder(snapshotter, signal));
        if (folder === undefined) return undefined;
        this.#folders.set(snapshotter, folder);
        return await readFilesystem(folder, this.#devices);
      },
    };
  }
}

function keepOnly(samplers: Map<string, unknown>, alive: readonly { readonly id: string }[]): void {
  const ids = new Set(alive.map(({ id }) => id));
  for (const id of samplers.keys()) if (!ids.has(id)) samplers.delete(id);
}

/** Waits for all of them, but no longer than a first sample may take. */
async function within(samples: readonly Promise<void>[]): Promise<void> {
  if (samples.length === 0) return;
  const deadline = new AbortController();
  const late = delay(FIRST_SAMPLE_MS, undefined, { signal: deadline.signal }).catch(() => undefined);
  await Promise.race([Promise.all(samples), late]);
  deadline.abort();
}
