import type { MountSpec } from '../../types/index.ts';

export interface RelabelSource {
  readonly spec: Pick<MountSpec, 'selinuxRelabel' | 'image'>;
  /** On the node, every symlink resolved. */
  readonly source: string;
}

export interface RelabelPlan {
  readonly paths: readonly string[];
  /** What was asked for and is not done, each with its reason. */
  readonly notices: readonly string[];
}

/** Folders that the node's own programs live from: no container's label may reach anything in them. */
const NODE_TREES = ['/bin', '/boot', '/dev', '/etc', '/lib', '/lib32', '/lib64', '/proc', '/sbin', '/sys', '/usr'];
/** Folders that others live in as well: what lies below may be a volume, the whole may not. */
const SHARED_FOLDERS = ['/', '/home', '/media', '/mnt', '/opt', '/root', '/run', '/srv', '/tmp', '/var'];
const SHARED_BELOW_VAR = ['/var/cache', '/var/lib', '/var/log', '/var/run', '/var/spool', '/var/tmp'];

/**
 * The sources of a request's mounts that get the container's label. One that is asked for and belongs to the node
 * (/etc/hosts, /etc/resolv.conf and all their like, CVE-2021-43816) keeps its own: the node would lose it. An image's
 * files are nobody's to label. Pure.
 */
export function planRelabel(mounts: readonly RelabelSource[]): RelabelPlan {
  const asked = mounts.flatMap(({ spec, source }, index) =>
    spec.selinuxRelabel && spec.image === undefined ? [{ source, index }] : [],
  );
  const kept = asked.filter(({ source }) => isOfNode(source));
  return {
    paths: [...new Set(asked.filter(({ source }) => !isOfNode(source)).map(({ source }) => source))],
    notices: kept.map(
      ({ source, index }) =>
        `config.mounts[${index}].selinux_relabel: ${source} belongs to the node and keeps its own label`,
    ),
  };
}

function isOfNode(path: string): boolean {
  if (SHARED_FOLDERS.includes(path) || SHARED_BELOW_VAR.includes(path)) return true;
  return NODE_TREES.some((tree) => path === tree || path.startsWith(`${tree}/`));
}
