import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMountinfo } from '../../sys/mountinfo.ts';

/**
 * Moves a process out of our cgroup into one of its own, `name` at the top, in the trees by which service managers end
 * everything that a service has started: systemd's own v1 tree and the v2 tree. Answers what failed; limits of other
 * v1 trees go on to hold.
 */
export function moveToOwnCgroup(pid: number, name: string): readonly Error[] {
  return serviceTrees().flatMap((tree) => {
    try {
      const cgroup = join(tree, name);
      mkdirSync(cgroup, { recursive: true });
      writeFileSync(join(cgroup, 'cgroup.procs'), String(pid));
      return [];
    } catch (error) {
      return [error instanceof Error ? error : new Error(String(error))];
    }
  });
}

const CGROUP_ROOT = '/sys/fs/cgroup';

function serviceTrees(): readonly string[] {
  const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  const trees = mounts.filter(({ mountPoint, fsType, root }) => {
    if (root !== '/' || (mountPoint !== CGROUP_ROOT && !mountPoint.startsWith(`${CGROUP_ROOT}/`))) return false;
    return fsType === 'cgroup2' || (fsType === 'cgroup' && mountPoint === `${CGROUP_ROOT}/systemd`);
  });
  return [...new Set(trees.map((tree) => tree.mountPoint))];
}
