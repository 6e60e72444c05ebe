import { join } from 'node:path';
import { nowNanos } from '../clock.ts';
import type { Container } from '../types/index.ts';
import type { CgroupReader } from './cgroup-reader.ts';
import { CpuRate } from './cpu-rate.ts';
import { processDetails, processesOf } from './processes.ts';
import type { CgroupSample, ContainerStats, Filesystem, ProcessDetails, WritableLayer } from './stats-types.ts';

/** A container as the sampler needs it. */
export interface StatsContainer extends Container {
  /** Absolute cgroup path of the container itself. */
  readonly cgroupPath: string;
}

export interface ContainerSamplerDeps {
  readonly cgroups: CgroupReader;
  /** Mount point of the tree in which processes are looked up. */
  readonly processTree: string | undefined;
  /** What was written to a container's root. May take as long as there are files in it. */
  readonly layerUsage: (
    key: string,
    snapshotter: string,
    signal: AbortSignal,
  ) => Promise<{ readonly bytes: number; readonly inodes: number }>;
  readonly filesystem: (snapshotter: string, signal: AbortSignal) => Promise<Filesystem | undefined>;
}

const LAYER_DEADLINE_MS = 60_000;

/** The last samples of one running container. Failed samples leave the last good ones, which carry their own times. */
export class ContainerSampler {
  readonly #deps: ContainerSamplerDeps;
  readonly #rate = new CpuRate();
  #usage: CgroupSample | undefined;
  #processes: number | undefined;
  #layer: WritableLayer | undefined;
  #details: ProcessDetails | undefined;
  #shown: ContainerStats | undefined;
  /** The first samples, once someone has asked for them: whoever asks meanwhile waits for the same. */
  first: { readonly ended: Promise<void>; hasEnded: boolean } | undefined;
  detailsDueAtMs = 0;

  constructor(deps: ContainerSamplerDeps) {
    this.#deps = deps;
  }

  get isComplete(): boolean {
    return this.#usage !== undefined && this.#details !== undefined && this.#layer !== undefined;
  }

  async sample({ cgroupPath }: StatsContainer): Promise<void> {
    const { cgroups, processTree } = this.#deps;
    const look = await cgroups.look(cgroupPath);
    if (look === undefined) return;
    if (processTree !== undefined) this.#processes = (await processesOf(join(processTree, cgroupPath))).length;
    this.#usage = withRate(look, this.#rate);
    this.#shown = undefined;
  }

  /** The dearer part: open files, and what was written. */
  async sampleDetails(container: StatsContainer, signal: AbortSignal): Promise<void> {
    const { processTree } = this.#deps;
    if (container.state.phase === 'running' && processTree !== undefined) {
      const pids = await processesOf(join(processTree, container.cgroupPath));
      this.#details = await processDetails(pids, container.state.pid);
      this.#shown = undefined;
    }
    await this.#sampleLayer(container, AbortSignal.any([signal, AbortSignal.timeout(LAYER_DEADLINE_MS)]));
  }

  /** The same object until something changes. */
  show(container: StatsContainer): ContainerStats {
    if (this.#shown?.container !== container) {
      this.#shown = Object.freeze({
        container,
        cgroupPath: container.cgroupPath,
        ...(this.#usage === undefined ? {} : { usage: this.#usage }),
        ...(this.#processes === undefined ? {} : { processes: this.#processes }),
        ...(this.#layer === undefined ? {} : { writableLayer: this.#layer }),
        ...(this.#details === undefined ? {} : { details: this.#details }),
      });
    }
    return this.#shown;
  }

  async #sampleLayer({ snapshotKey, snapshotter }: StatsContainer, signal: AbortSignal): Promise<void> {
    const timestamp = nowNanos();
    const { bytes, inodes } = await this.#deps.layerUsage(snapshotKey, snapshotter, signal);
    const filesystem = await this.#deps.filesystem(snapshotter, signal);
    this.#layer = {
      timestamp,
      usedBytes: bytes,
      inodesUsed: inodes,
      ...(filesystem === undefined ? {} : { filesystem }),
    };
    this.#shown = undefined;
  }
}

/** The sample with the rate since the one before. */
export function withRate(
  { timestamp, atMs, usage }: NonNullable<Awaited<ReturnType<CgroupReader['look']>>>,
  rate: CpuRate,
): CgroupSample {
  const nanoCores = usage.cpu === undefined ? undefined : rate.next({ usageNanos: usage.cpu.usageNanos, atMs });
  return { ...usage, timestamp, ...(nanoCores === undefined ? {} : { nanoCores }) };
}
