export type CgroupMode = 'v1' | 'hybrid' | 'v2';

/** One mounted cgroup tree. */
export interface CgroupHierarchy {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** Controllers that work through this tree; `name=systemd` for a tree with a name and no controller. */
  readonly controllers: readonly string[];
}

/**
 * `v1` and `hybrid`: each controller has a tree of its own; in `hybrid` a cgroup2 tree stands beside them.
 * `v2`: one tree for all.
 */
export interface CgroupLayout {
  readonly mode: CgroupMode;
  readonly hierarchies: readonly CgroupHierarchy[];
}

const CGROUP_ROOT = '/sys/fs/cgroup';

/** A v1 mount's options hold its controllers among other words; these are the ones the kernel has. */
const V1_CONTROLLERS = new Set([
  'blkio',
  'cpu',
  'cpuacct',
  'cpuset',
  'devices',
  'dmem',
  'freezer',
  'hugetlb',
  'memory',
  'misc',
  'net_cls',
  'net_prio',
  'perf_event',
  'pids',
  'rdma',
]);

/**
 * Reads the layout off /proc/self/mounts: what decides is the type of the file system at /sys/fs/cgroup. `v2Controllers`
 * gives the words of `cgroup.controllers` at a cgroup2 mount point.
 */
export function cgroupLayout(
  procMounts: string,
  v2Controllers: (mountPoint: string) => readonly string[],
): CgroupLayout {
  const mounts = cgroupMounts(procMounts);
  const top = mounts.findLast((mount) => mount.mountPoint === CGROUP_ROOT);
  if (top?.fsType === 'cgroup2') return { mode: 'v2', hierarchies: [v2Hierarchy(CGROUP_ROOT, v2Controllers)] };
  const v1 = uniqueByControllers(mounts.filter((mount) => mount.fsType === 'cgroup').map(v1Hierarchy));
  const v2 = mounts
    .filter((mount) => mount.fsType === 'cgroup2')
    .map(({ mountPoint }) => v2Hierarchy(mountPoint, v2Controllers));
  return { mode: v2.length > 0 ? 'hybrid' : 'v1', hierarchies: [...v1, ...v2] };
}

/** The tree through which a controller works; undefined when the node does not have it. */
export function hierarchyOf(layout: CgroupLayout, controller: string): CgroupHierarchy | undefined {
  return layout.hierarchies.find((hierarchy) => hierarchy.controllers.includes(controller));
}

interface CgroupMount {
  readonly mountPoint: string;
  readonly fsType: string;
  readonly options: readonly string[];
}

/** Mounts at and below /sys/fs/cgroup: `source mount-point type options 0 0`. */
function cgroupMounts(procMounts: string): readonly CgroupMount[] {
  return procMounts.split('\n').flatMap((line) => {
    const [, mountPoint = '', fsType = '', options = ''] = line.split(' ');
    const ours = mountPoint === CGROUP_ROOT || mountPoint.startsWith(`${CGROUP_ROOT}/`);
    return ours ? [{ mountPoint, fsType, options: options.split(',') }] : [];
  });
}

function v2Hierarchy(mountPoint: string, controllers: (mountPoint: string) => readonly string[]): CgroupHierarchy {
  return { version: 2, mountPoint, controllers: controllers(mountPoint) };
}

function v1Hierarchy({ mountPoint, options }: CgroupMount): CgroupHierarchy {
  const controllers = options.filter((option) => V1_CONTROLLERS.has(option) || option.startsWith('name='));
  return { version: 1, mountPoint, controllers };
}

/** The same tree may be mounted in two places (`cpu` as a link is common, as a mount it happens); the first will do. */
function uniqueByControllers(hierarchies: readonly CgroupHierarchy[]): readonly CgroupHierarchy[] {
  const first = new Map<string, CgroupHierarchy>();
  for (const hierarchy of hierarchies) {
    const key = hierarchy.controllers.join(',');
    if (!first.has(key)) first.set(key, hierarchy);
  }
  return [...first.values()];
}
