import { readdir, readFile, stat } from 'node:fs/promises';
import { availableParallelism, release } from 'node:os';
import { join } from 'node:path';
import type { CgroupDriver } from '../types/index.ts';
import { cgroupLayout, hierarchyOf } from './cgroup-layout.ts';
import type { CgroupLayout } from './cgroup-layout.ts';
import { parseHugepageSizes } from './hugepages.ts';
import { parseContexts, policyName } from '../security/selinux/index.ts';
import type { SelinuxContexts } from '../security/selinux/index.ts';
import { parseProcStatus } from './proc-status.ts';

/** What davit's own process may hand on to containers. */
export interface ProcessFacts {
  readonly boundingCapabilities: readonly string[];
  readonly effectiveCapabilities: readonly string[];
  readonly oomScoreAdj: number;
}

/** Facts of the node that do not change while davit runs. Read once at start, passed down as a value. */
export interface HostFacts {
  readonly process: ProcessFacts;
  readonly cgroup: CgroupLayout;
  /** systemd is PID 1. */
  readonly systemd: boolean;
  /** Who makes cgroups unless a handler's options say otherwise: systemd if it is PID 1. */
  readonly cgroupDriver: CgroupDriver;
  /** A cgroup can limit swap. */
  readonly swapLimit: boolean;
  /** The kernel applies profiles, and apparmor_parser is there to load them. */
  readonly apparmor: boolean;
  /** The labels that the policy has for containers; absent where SELinux is off, or its policy knows no containers. */
  readonly selinux?: SelinuxContexts;
  readonly seccomp: boolean;
  /** As limits name them: `2MB`, `1GB`. Empty where no hugetlb controller is. */
  readonly hugepageSizes: readonly string[];
  readonly kernelVersion: string;
  /** The machine's, as Node names it. */
  readonly arch: string;
  readonly cpuCount: number;
}

const SELINUX_ROOT = '/etc/selinux';

/** Where every distribution has it. */
export const APPARMOR_PARSER = '/sbin/apparmor_parser';

/** Reads the facts. What cannot be read counts as absent: no node is refused here. */
export async function readHostFacts(): Promise<HostFacts> {
  const status = parseProcStatus(await text('/proc/self/status'));
  const cgroup = await readCgroupLayout();
  const systemd = await isSystemdBooted();
  const hugetlb = hierarchyOf(cgroup, 'hugetlb');
  return Object.freeze({
    process: {
      boundingCapabilities: status.boundingCapabilities,
      effectiveCapabilities: status.effectiveCapabilities,
      oomScoreAdj: Number((await text('/proc/self/oom_score_adj')).trim()),
    },
    cgroup,
    systemd,
    cgroupDriver: systemd ? 'systemd' : 'cgroupfs',
    swapLimit: await hasSwapLimit(cgroup),
    apparmor: await hasAppArmor(),
    seccomp: status.seccomp,
    // A hybrid node's runtime works through the v1 trees alone.
    hugepageSizes: usable(cgroup, hugetlb) ? parseHugepageSizes(await names('/sys/kernel/mm/hugepages')) : [],
    kernelVersion: release(),
    arch: process.arch,
    cpuCount: availableParallelism(),
    ...(await selinuxFacts()),
  });
}

async function readCgroupLayout(): Promise<CgroupLayout> {
  const mounts = await text('/proc/self/mounts');
  const bare = cgroupLayout(mounts, () => []);
  const controllers = new Map<string, readonly string[]>();
  for (const { version, mountPoint } of bare.hierarchies) {
    if (version === 2) controllers.set(mountPoint, words(await text(join(mountPoint, 'cgroup.controllers'))));
  }
  return cgroupLayout(mounts, (mountPoint) => controllers.get(mountPoint) ?? []);
}

function usable(layout: CgroupLayout, hierarchy: CgroupLayout['hierarchies'][number] | undefined): boolean {
  return hierarchy !== undefined && (layout.mode === 'v2' || hierarchy.version === 1);
}

/** systemd documents the folder as its mark; inside a container the folder may be the host's, so PID 1 must agree. */
async function isSystemdBooted(): Promise<boolean> {
  return (await exists('/run/systemd/system')) && (await text('/proc/1/comm')).trim() === 'systemd';
}

/** The root cgroup of v2 has no memory files, so another cgroup must show them; a v1 root has its own. */
async function hasSwapLimit(layout: CgroupLayout): Promise<boolean> {
  const memory = hierarchyOf(layout, 'memory');
  if (memory === undefined) return false;
  if (memory.version === 1) return await exists(join(memory.mountPoint, 'memory.memsw.limit_in_bytes'));
  const own = /^0::(.*)$/m.exec(await text('/proc/self/cgroup'))?.[1] ?? '/';
  if (own !== '/') return await exists(join(memory.mountPoint, own, 'memory.swap.max'));
  return await exists('/proc/swaps');
}

async function selinuxFacts(): Promise<Pick<HostFacts, 'selinux'>> {
  if (!(await exists('/sys/fs/selinux/enforce'))) return {};
  const policy = policyName(await text(join(SELINUX_ROOT, 'config')));
  if (policy === undefined) return {};
  const selinux = parseContexts(await text(join(SELINUX_ROOT, policy, 'contexts/lxc_contexts')));
  return selinux === undefined ? {} : { selinux };
}

async function hasAppArmor(): Promise<boolean> {
  return (await text('/sys/module/apparmor/parameters/enabled')).startsWith('Y') && (await exists(APPARMOR_PARSER));
}

async function text(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '');
}

async function names(path: string): Promise<readonly string[]> {
  return await readdir(path).catch(() => []);
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function words(line: string): readonly string[] {
  return line.split(/\s+/).filter((word) => word !== '');
}
