import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, withContext } from '../../errors.ts';
import { hierarchyOf } from '../../host/index.ts';
import type { CgroupLayout } from '../../host/index.ts';
import { livingProcesses } from './processes.ts';
import { codeOf, readCgroupFile } from './tree.ts';

/** Limits of a running container that its OCI runtime does not change. */

export interface HugepageLimit {
  readonly pageSize: string;
  readonly limit: number;
}

export interface CpusetFacts {
  readonly cpus?: string;
  readonly mems?: string;
}

/** The CPUs and memory nodes in use; empty on a node without the controller. */
export async function cpusetOf(layout: CgroupLayout, path: string): Promise<CpusetFacts> {
  const cpuset = hierarchyOf(layout, 'cpuset');
  if (cpuset === undefined) return {};
  const dir = join(cpuset.mountPoint, path);
  const suffix = cpuset.version === 2 ? '.effective' : '';
  const cpus = (await readCgroupFile(dir, `cpuset.cpus${suffix}`))?.trim();
  const mems = (await readCgroupFile(dir, `cpuset.mems${suffix}`))?.trim();
  return { ...(cpus ? { cpus } : {}), ...(mems ? { mems } : {}) };
}

/** Throws failed-precondition where the cgroup cannot limit pages of a size. */
export async function setHugepageLimits(
  layout: CgroupLayout,
  path: string,
  limits: readonly HugepageLimit[],
): Promise<void> {
  const hugetlb = hierarchyOf(layout, 'hugetlb');
  for (const { pageSize, limit } of limits) {
    if (hugetlb === undefined) throw new EngineError('failed-precondition', 'this node cannot limit huge pages');
    const name = hugetlb.version === 2 ? `hugetlb.${pageSize}.max` : `hugetlb.${pageSize}.limit_in_bytes`;
    try {
      await writeFile(join(hugetlb.mountPoint, path, name), String(limit));
    } catch (error) {
      throw withContext(error, `write ${name} of cgroup ${path}`);
    }
  }
}

/** Sets the score of every process in the cgroups at `dirs`. A process that ends meanwhile needs none. */
export async function setOomScoreAdj(dirs: readonly string[], value: number): Promise<void> {
  for (const pid of await livingProcesses(dirs)) {
    try {
      await writeFile(`/proc/${pid}/oom_score_adj`, String(value));
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') continue;
      throw withContext(error, `set oom_score_adj of process ${pid} to ${value}`);
    }
  }
}
