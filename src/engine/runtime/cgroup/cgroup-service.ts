import type { SandboxId } from '../../ids.ts';
import type { CgroupDriver } from '../../types/index.ts';
import type { CpusetFacts, HugepageLimit } from './limits.ts';

/** Cgroups of pods and containers. The OCI runtime makes them; davit names them, empties them and takes them away. */
export interface CgroupService {
  readonly driver: CgroupDriver;
  /** Absolute path of the cgroup that a pod's containers go in. Throws invalid-argument for a parent that cannot be one. */
  podParent(sandboxId: SandboxId, requested: string | undefined): string;
  /** Absolute path of a container's cgroup, or of a pause process' (its id is the sandbox's). */
  containerPath(parent: string, id: string): string;
  /** What a container's OCI spec says as `cgroupsPath`. */
  specPath(parent: string, id: string): string;
  /** The cgroup is there, in one tree at least. */
  exists(path: string): Promise<boolean>;
  /** No process lives in the cgroup or below; also when it is not there. */
  isEmpty(path: string): Promise<boolean>;
  /** Processes that live in the cgroup and below, zombies not counted; none when it is not there. */
  processes(path: string): Promise<readonly number[]>;
  /** Moves a process into a cgroup below a container's, which is made if need be. A process that is gone is fine. */
  enter(path: string, pid: number): Promise<void>;
  /** Moves what lives in such a cgroup up to the container's and removes it; one that is not there is success. */
  dissolve(path: string): Promise<void>;
  /** SIGKILL to every process of the cgroup and below, until none lives. Throws when the signal aborts first. */
  killAll(path: string, signal: AbortSignal): Promise<void>;
  /** Lets what is frozen in the cgroup and below go on; one that is not there is fine. */
  thaw(path: string): Promise<void>;
  /** Processes of the cgroup and below that were killed for want of memory; 0 when it is gone. */
  oomKillCount(path: string): Promise<number>;
  /** The CPUs and memory nodes that the cgroup uses; empty on a node without the controller, or when it is gone. */
  cpuset(path: string): Promise<CpusetFacts>;
  /** Writes the limits of huge pages of a cgroup that is there. */
  setHugepageLimits(path: string, limits: readonly HugepageLimit[]): Promise<void>;
  /** Sets the OOM score of every process of the cgroup and below. */
  setOomScoreAdj(path: string, value: number): Promise<void>;
  /** Removes a container's cgroup and all below it; one that is not there is success. Throws while processes live in it. */
  remove(path: string): Promise<void>;
  /** Removes what is left of a pod's cgroups: its pause process', and the parent if davit made it. */
  removePod(sandboxId: SandboxId, parent: string): Promise<void>;
}
