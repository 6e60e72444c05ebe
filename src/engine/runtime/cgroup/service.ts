import { existsSync } from 'node:fs';
import type { HostFacts } from '../../host/index.ts';
import type { SandboxId } from '../../ids.ts';
import type { CgroupDriver } from '../../types/index.ts';
import type { CgroupService } from './cgroup-service.ts';
import { cgroupDirs, killAll, thaw } from './kill.ts';
import { cpusetOf, setHugepageLimits, setOomScoreAdj } from './limits.ts';
import type { HugepageLimit } from './limits.ts';
import { oomKillCount } from './oom.ts';
import { containerPath, OWN_PARENT, podParent, specPath } from './paths.ts';
import { livingProcesses } from './processes.ts';
import { removeCgroup } from './remove.ts';
import { dissolveSubCgroup, enterSubCgroup } from './sub-cgroup.ts';

export interface CgroupServiceDeps {
  readonly layout: HostFacts['cgroup'];
  readonly driver: CgroupDriver;
}

export function createCgroupService({ layout, driver }: CgroupServiceDeps): CgroupService {
  return Object.freeze({
    driver,
    podParent: (sandboxId: SandboxId, requested: string | undefined) => podParent(driver, sandboxId, requested),
    containerPath: (parent: string, id: string) => containerPath(driver, parent, id),
    specPath: (parent: string, id: string) => specPath(driver, parent, id),
    exists: async (path: string) => cgroupDirs(layout, path).some((dir) => existsSync(dir)),
    isEmpty: async (path: string) => (await livingProcesses(cgroupDirs(layout, path))).length === 0,
    processes: (path: string) => livingProcesses(cgroupDirs(layout, path)),
    enter: (path: string, pid: number) => enterSubCgroup(layout, path, pid),
    dissolve: (path: string) => dissolveSubCgroup(layout, path),
    killAll: (path: string, signal: AbortSignal) => killAll(layout, path, signal),
    thaw: (path: string) => thaw(layout, path),
    oomKillCount: (path: string) => oomKillCount(layout, path),
    cpuset: (path: string) => cpusetOf(layout, path),
    setHugepageLimits: (path: string, limits: readonly HugepageLimit[]) => setHugepageLimits(layout, path, limits),
    setOomScoreAdj: (path: string, value: number) => setOomScoreAdj(cgroupDirs(layout, path), value),
    remove: (path: string) => removeCgroup(layout, path),
    removePod: async (sandboxId: SandboxId, parent: string) => {
      await removeCgroup(layout, containerPath(driver, parent, sandboxId));
      if (parent !== `${OWN_PARENT}/${sandboxId}`) return;
      await removeCgroup(layout, parent);
    },
  });
}
