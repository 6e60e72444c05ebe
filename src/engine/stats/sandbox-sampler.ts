import type { Sandbox } from '../types/index.ts';
import type { CgroupReader } from './cgroup-reader.ts';
import { withRate } from './container-sampler.ts';
import { CpuRate } from './cpu-rate.ts';
import { readPodNetwork } from './pod-network.ts';
import type { CgroupSample, ContainerStats, NetworkSample, SandboxStats } from './stats-types.ts';
import { sumOf } from './sum.ts';

/** A sandbox as the sampler needs it. */
export interface StatsSandbox extends Sandbox {
  /** Absolute cgroup path that the pod's containers live under. */
  readonly cgroupParent: string;
}

/** The last samples of one pod. Failed samples leave the last good ones, which carry their own times. */
export class SandboxSampler {
  readonly #cgroups: CgroupReader;
  readonly #rate = new CpuRate();
  #usage: CgroupSample | undefined;
  #network: NetworkSample | undefined;
  #shown: SandboxStats | undefined;

  constructor(cgroups: CgroupReader) {
    this.#cgroups = cgroups;
  }

  /** `pids`: some that are, or were a moment ago, in the pod's network namespace. */
  async sample(sandbox: StatsSandbox, pids: readonly number[]): Promise<void> {
    const look = hasOwnCgroup(sandbox) ? await this.#cgroups.look(sandbox.cgroupParent) : undefined;
    const { network } = sandbox.namespaces;
    const read = network === undefined ? undefined : await readPodNetwork(network, pids);
    this.#network = read ?? this.#network;
    if (look !== undefined) this.#usage = withRate(look, this.#rate);
    this.#shown = undefined;
  }

  /** The same object until something changes. */
  show(sandbox: StatsSandbox, containers: readonly ContainerStats[]): SandboxStats {
    const shown = this.#shown;
    if (shown?.sandbox === sandbox && isSame(shown.containers, containers)) return shown;
    const usage = this.#usage ?? sumOf(containers);
    const running = containers.reduce((sum, { processes = 0 }) => sum + processes, 0);
    this.#shown = Object.freeze({
      sandbox,
      cgroupPath: sandbox.cgroupParent,
      ...(usage === undefined ? {} : { usage }),
      processes: running + Number(sandbox.pausePid !== undefined),
      ...(this.#network === undefined ? {} : { network: this.#network }),
      containers,
    });
    return this.#shown;
  }
}

/**
 * Whether the cgroup that a pod's containers lie in is the pod's alone: it is when its name tells so, as the kubelet's
 * (`pod<uid>`, with `_` for `-` where systemd makes them) and davit's own do. Others may be shared by pods.
 */
export function hasOwnCgroup({ id, spec, cgroupParent }: StatsSandbox): boolean {
  const name = cgroupParent.slice(cgroupParent.lastIndexOf('/') + 1);
  const { uid } = spec.metadata;
  return name === id || (uid !== '' && (name.includes(uid) || name.includes(uid.replaceAll('-', '_'))));
}

function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
