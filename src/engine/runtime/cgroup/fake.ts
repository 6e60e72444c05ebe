import type { SandboxId } from '../../ids.ts';
import type { CgroupService } from './cgroup-service.ts';
import type { CpusetFacts, HugepageLimit } from './limits.ts';
import { containerPath, podParent, specPath } from './paths.ts';

/** Cgroups in memory. */
export class FakeCgroupService implements CgroupService {
  readonly driver = 'cgroupfs';
  readonly killed: string[] = [];
  readonly thawed: string[] = [];
  failKill: Error | undefined;
  /** Told of each path whose processes are killed. */
  onKill: ((path: string) => void) | undefined;
  readonly removed: string[] = [];
  /** What `exists` says is there, until it is removed. */
  readonly there = new Set<string>();
  readonly hugepages = new Map<string, readonly HugepageLimit[]>();
  readonly oomScores = new Map<string, number>();
  /** What `oomKillCount` says of a path. */
  readonly oomKills = new Map<string, number>();

  podParent(sandboxId: SandboxId, requested: string | undefined): string {
    return podParent(this.driver, sandboxId, requested);
  }

  containerPath(parent: string, id: string): string {
    return containerPath(this.driver, parent, id);
  }

  specPath(parent: string, id: string): string {
    return specPath(this.driver, parent, id);
  }

  async exists(path: string): Promise<boolean> {
    return this.there.has(path);
  }

  async isEmpty(): Promise<boolean> {
    return true;
  }

  async processes(): Promise<readonly number[]> {
    return [];
  }

  async enter(): Promise<void> {}

  async dissolve(path: string): Promise<void> {
    this.removed.push(path);
  }

  async killAll(path: string): Promise<void> {
    if (this.failKill !== undefined) throw this.failKill;
    this.onKill?.(path);
    this.killed.push(path);
  }

  async thaw(path: string): Promise<void> {
    this.thawed.push(path);
  }

  async oomKillCount(path: string): Promise<number> {
    return this.oomKills.get(path) ?? 0;
  }

  async cpuset(): Promise<CpusetFacts> {
    return { cpus: '0-1', mems: '0' };
  }

  async setHugepageLimits(path: string, limits: readonly HugepageLimit[]): Promise<void> {
    this.hugepages.set(path, limits);
  }

  async setOomScoreAdj(path: string, value: number): Promise<void> {
    this.oomScores.set(path, value);
  }

  async remove(path: string): Promise<void> {
    this.there.delete(path);
    this.removed.push(path);
  }

  async removePod(sandboxId: SandboxId, parent: string): Promise<void> {
    this.there.delete(containerPath(this.driver, parent, sandboxId));
    this.there.delete(parent);
    this.removed.push(parent);
  }
}
