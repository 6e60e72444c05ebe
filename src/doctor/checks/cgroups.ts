import { join } from 'node:path';
import type { Config } from '../../config/index.ts';
import { cgroupLayout, hierarchyOf } from '../../engine/host/index.ts';
import type { CgroupLayout } from '../../engine/host/index.ts';
import { error, note, ok, warning } from '../finding.ts';
import type { Found } from '../finding.ts';
import type { Host } from '../host.ts';

/** Without them the kubelet does not start. */
const NEEDED = ['cpu', 'cpuset', 'memory'];
const USEFUL = ['pids'];

/** The cgroup trees, their controllers, and who makes cgroups. */
export async function checkCgroups(host: Host, config: Config): Promise<readonly Found[]> {
  const layout = await readLayout(host);
  if (layout.hierarchies.length === 0) {
    return [
      error('no cgroup file system is mounted at /sys/fs/cgroup', {
        why: 'containers cannot be limited, counted or killed as a whole.',
        fix: 'mount -t cgroup2 none /sys/fs/cgroup, or let the init system do it',
      }),
    ];
  }
  return [version(layout), ...controllers(layout), ...(await driver(host, config)), ...(await swap(host, layout))];
}

async function readLayout(host: Host): Promise<CgroupLayout> {
  const mounts = await host.text('/proc/self/mounts');
  const found = new Map<string, readonly string[]>();
  for (const { version, mountPoint } of cgroupLayout(mounts, () => []).hierarchies) {
    if (version !== 2) continue;
    const text = await host.text(join(mountPoint, 'cgroup.controllers'));
    found.set(
      mountPoint,
      text.split(/\s+/).filter((word) => word !== ''),
    );
  }
  return cgroupLayout(mounts, (mountPoint) => found.get(mountPoint) ?? []);
}

function version({ mode }: CgroupLayout): Found {
  if (mode === 'v2') return ok('cgroup v2');
  return note(`cgroup ${mode === 'v1' ? 'v1' : 'v1 with a v2 tree beside it (hybrid)'}`, {
    why: 'Kubernetes has deprecated v1: its kubelet starts only with failCgroupV1: false, and `unified` limits are refused.',
    fix: 'boot with systemd.unified_cgroup_hierarchy=1, or another way to v2, when the node is next renewed',
  });
}

function controllers(layout: CgroupLayout): readonly Found[] {
  const missing = (names: readonly string[]) => names.filter((name) => !usable(layout, name));
  const needed = missing(NEEDED);
  const useful = missing(USEFUL);
  return [
    ...(needed.length === 0
      ? []
      : [
          error(`no cgroup controller ${needed.join(', ')}`, {
            why: 'limits of that kind cannot be set, and the kubelet refuses to start.',
            fix: 'enable it on the kernel command line (cgroup_enable=memory) and in the parents’ cgroup.subtree_control',
          }),
        ]),
    ...(useful.length === 0
      ? []
      : [
          warning(`no cgroup controller ${useful.join(', ')}`, {
            why: "the kubelet's podPidsLimit has no effect: one pod can use up the node's process numbers.",
            fix: 'enable it on the kernel command line and in cgroup.subtree_control',
          }),
        ]),
  ];
}

/** On a hybrid node runtimes work through the v1 trees alone. */
function usable(layout: CgroupLayout, controller: string): boolean {
  const hierarchy = hierarchyOf(layout, controller);
  return hierarchy !== undefined && (layout.mode === 'v2' || hierarchy.version === 1);
}

async function driver(host: Host, config: Config): Promise<readonly Found[]> {
  const systemd = (await host.exists('/run/systemd/system')) && (await host.text('/proc/1/comm')).trim() === 'systemd';
  const wanted = Object.values(config.handlers)
    .map(({ options }) => options.SystemdCgroup)
    .find((value) => value !== undefined);
  if (wanted === true && !systemd) {
    return [
      error('SystemdCgroup = true, and systemd is not PID 1', {
        why: 'no container can get a cgroup.',
        fix: 'remove SystemdCgroup from the handlers, or set it to false',
      }),
    ];
  }
  if (wanted === false && systemd) {
    return [
      warning('SystemdCgroup = false on a node of systemd', {
        why: 'two managers write to one tree, and systemd may undo what davitd has set.',
        fix: 'remove SystemdCgroup from the handlers: systemd makes the cgroups where it is PID 1',
      }),
    ];
  }
  return [ok(`cgroups are made by ${(wanted ?? systemd) ? 'systemd' : 'the runtime (cgroupfs)'}`)];
}

async function swap(host: Host, layout: CgroupLayout): Promise<readonly Found[]> {
  const devices = (await host.text('/proc/swaps')).trim().split('\n').length - 1;
  if (devices < 1 || layout.mode === 'v2') return [];
  const memory = hierarchyOf(layout, 'memory');
  if (memory !== undefined && (await host.exists(join(memory.mountPoint, 'memory.memsw.limit_in_bytes')))) return [];
  return [
    warning('there is swap, and no cgroup can limit it', {
      why: "a container over its memory limit swaps instead, at every other pod's cost.",
      fix: 'boot with swapaccount=1, or turn swap off (swapoff -a and /etc/fstab)',
    }),
  ];
}
