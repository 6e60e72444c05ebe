import { error, note, ok, warning } from '../finding.ts';
import type { Found } from '../finding.ts';
import type { Host } from '../host.ts';
import { isAtLeast, parseRelease } from '../release.ts';
import type { Release } from '../release.ts';

/** openat2, by which files inside a container's root are read without leaving it. */
const LEAST: Release = [5, 6, 0];
/** Idmapped mounts of overlays and of tmpfs, and with them pods with a user namespace. */
const USER_NAMESPACES: Release = [6, 3, 0];
/** Recursively read-only mounts. */
const MOUNT_SETATTR: Release = [5, 12, 0];
const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'];

/** The kernel's release, and what it was built with. */
export async function checkKernel(host: Host): Promise<readonly Found[]> {
  return [...release(host.kernel), ...(await namespaces(host)), ...(await overlay(host)), ...(await seccomp(host))];
}

function release(text: string): readonly Found[] {
  const kernel = parseRelease(text);
  if (kernel === undefined || isAtLeast(kernel, USER_NAMESPACES)) return [ok(`Linux ${text}`)];
  if (!isAtLeast(kernel, LEAST)) {
    return [
      error(`Linux ${text} is older than ${show(LEAST)}`, {
        why: 'davitd looks into images by openat2, which this kernel does not have: no container can be made.',
        fix: 'install a newer kernel and boot it',
      }),
    ];
  }
  const also = isAtLeast(kernel, MOUNT_SETATTR) ? '' : ' and recursively read-only mounts';
  return [
    note(`Linux ${text}`, {
      why: `pods with a user namespace${also} are refused below Linux ${show(USER_NAMESPACES)}.`,
    }),
  ];
}

async function namespaces(host: Host): Promise<readonly Found[]> {
  const there = await host.list('/proc/self/ns');
  const missing = NAMESPACES.filter((name) => !there.includes(name));
  if (missing.length > 0) {
    return [
      error(`the kernel has no ${missing.join(', ')} namespace`, {
        why: 'every pod needs them.',
        fix: 'boot a kernel that is built with CONFIG_NAMESPACES and all its parts',
      }),
    ];
  }
  return there.includes('user')
    ? []
    : [note('the kernel has no user namespaces', { why: 'pods that ask for one are refused.' })];
}

async function overlay(host: Host): Promise<readonly Found[]> {
  if (/^nodev\toverlay$/m.test(await host.text('/proc/filesystems'))) return [];
  if ((await host.run('modprobe', ['--dry-run', '--quiet', 'overlay']))?.code === 0) return [];
  return [
    error('the kernel has no overlay file system', {
      why: "containers' root file systems are overlays, unless another snapshotter is configured.",
      fix: 'modprobe overlay; where there is no such module, install the modules of the kernel that runs',
    }),
  ];
}

async function seccomp(host: Host): Promise<readonly Found[]> {
  if (/^Seccomp:/m.test(await host.text('/proc/self/status'))) return [];
  return [
    warning('the kernel has no seccomp filters', {
      why: 'pods that ask for the RuntimeDefault profile are refused, and the others run unfiltered.',
      fix: 'boot a kernel with CONFIG_SECCOMP_FILTER',
    }),
  ];
}

function show([major, minor]: Release): string {
  return `${major}.${minor}`;
}
