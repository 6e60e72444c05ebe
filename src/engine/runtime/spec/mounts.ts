import { posix } from 'node:path';
import { invalidField } from '../../errors.ts';
import type { IdMap, MountSpec } from '../../types/index.ts';
import { idMappings } from './id-mappings.ts';
import type { OciLinux, OciMount } from './oci.ts';

/** Files of the pod on the host that each of its containers sees. */
export interface SpecPodFiles {
  readonly resolvConf: string;
  readonly hosts: string;
  readonly hostname: string;
  readonly shm: string;
}

/** A mount of the request, its host path resolved: it exists and holds no symlink. */
export interface SpecMount {
  readonly spec: MountSpec;
  readonly source: string;
}

/** A folder of the node for a volume that the image declares. */
export interface SpecVolume {
  readonly containerPath: string;
  readonly source: string;
}

export interface MountsInput {
  readonly mounts: readonly SpecMount[];
  readonly volumes: readonly SpecVolume[];
  /** Of the handler's base spec: they count where nothing else is mounted. */
  readonly base?: readonly OciMount[];
  readonly podFiles: SpecPodFiles;
  readonly readonlyRootfs: boolean;
  readonly privileged: boolean;
  /** Whether it may write to its own cgroup without being privileged. */
  readonly cgroupWritable: boolean;
  /** The node's file for /etc/localtime. */
  readonly localtime?: string;
  /** Whether the pod's network is the node's. */
  readonly nodeNetwork: boolean;
  /** Of the pod's user namespace: the pod's files and declared volumes are shown by it. Images are shifted already. */
  readonly idMap?: IdMap;
}

export interface MountsPlan {
  readonly mounts: readonly OciMount[];
  /** What the root itself must be for the mounts to be what they are. */
  readonly root: Pick<OciLinux, 'rootfsPropagation'>;
  readonly notices: readonly string[];
}

/** `rro`: with all mounts below. */
type Access = 'ro' | 'rw' | 'rro';

const PROPAGATION = { private: 'rprivate', 'host-to-container': 'rslave', bidirectional: 'rshared' } as const;

/**
 * All mounts of a container in the order they are made. First what every container has; then the pod's files and the
 * request's mounts, parents before what lies below them. A mount of the request takes the place of what davit would have
 * mounted there, and of everything from the first group that it would hide.
 */
export function containerMounts(input: MountsInput): MountsPlan {
  const notices: string[] = [];
  const requested = requestedMounts(input, notices);
  const destinations = [...requested.keys()];
  const system = systemMounts(input).filter(
    ({ destination }) => !destinations.some((taken) => isAtOrBelow(destination, taken)),
  );
  const files = podFileMounts(input)
    .filter(({ destination }) => !requested.has(destination))
    .map((mount) => mapped(mount, input.idMap));
  const localtime = localtimeMount(input).filter(({ destination }) => !requested.has(destination));
  const volumes = input.volumes
    .filter(({ containerPath }) => !requested.has(containerPath))
    .map(({ containerPath, source }) => bind(containerPath, source, 'rprivate', 'rw'))
    .map((mount) => mapped(mount, input.idMap));
  const own = [...files, ...localtime, ...volumes, ...requested.values()];
  const taken = new Set([...systemMounts(input), ...own].map(({ destination }) => destination));
  const base = baseOf(input).filter(({ destination }) => !taken.has(destination));
  return {
    mounts: [...system, ...[...base, ...own].sort(byDepth)],
    root: rootPropagation(input.mounts),
    notices,
  };
}

/** By destination, the later counts; copies, since a base spec serves many containers. */
function baseOf({ base = [] }: MountsInput): readonly OciMount[] {
  const byDestination = new Map(base.map((mount) => [mount.destination, mount]));
  return [...byDestination.values()].map((mount) => ({ ...mount, options: [...mount.options] }));
}

/** /proc and /dev, without which no process starts. */
export function baseMounts(): readonly OciMount[] {
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
  ];
}

function systemMounts({ privileged, cgroupWritable, nodeNetwork, idMap }: MountsInput): readonly OciMount[] {
  const access = privileged ? 'rw' : 'ro';
  return [
    ...baseMounts(),
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      // Group 5 is tty everywhere.
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    // A sysfs shows a network, and only who owns that may mount one.
    nodeNetwork && idMap !== undefined
      ? bind('/sys', '/sys', 'rprivate', 'rro', ['nosuid', 'noexec', 'nodev'])
      : { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', access] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: ['nosuid', 'noexec', 'nodev', 'relatime', cgroupWritable ? 'rw' : access],
    },
  ];
}

function podFileMounts({ podFiles, readonlyRootfs }: MountsInput): readonly OciMount[] {
  const access = readonlyRootfs ? 'ro' : 'rw';
  return [
    bind('/etc/hostname', podFiles.hostname, 'rprivate', access),
    bind('/etc/hosts', podFiles.hosts, 'rprivate', access),
    bind('/etc/resolv.conf', podFiles.resolvConf, 'rprivate', access),
    bind('/dev/shm', podFiles.shm, 'rprivate', 'rw'),
  ];
}

/** A file of the node's that everybody may read, whatever the ids. */
function localtimeMount({ localtime }: MountsInput): readonly OciMount[] {
  return localtime === undefined ? [] : [bind('/etc/localtime', localtime, 'rprivate', 'ro')];
}

/** By destination; of two on one place the later, which would have hidden the earlier. */
function requestedMounts({ mounts }: MountsInput, notices: string[]): ReadonlyMap<string, OciMount> {
  const byDestination = new Map<string, OciMount>();
  mounts.forEach(({ spec, source }, index) => {
    const field = `config.mounts[${index}].container_path`;
    const destination = cleanDestination(spec.containerPath, field);
    if (byDestination.delete(destination))
      notices.push(`${field}: ${destination} is mounted twice; the last one counts`);
    const mount = bind(destination, source, PROPAGATION[spec.propagation], accessOf(spec), optionsOf(spec));
    byDestination.set(destination, mapped(mount, spec.idMap));
  });
  return byDestination;
}

function mapped(mount: OciMount, map: IdMap | undefined): OciMount {
  return { ...mount, ...idMappings(map) };
}

function cleanDestination(path: string, field: string): string {
  if (!path.startsWith('/')) throw invalidField(field, `${JSON.stringify(path)} is not an absolute path`);
  if (path.includes('\0')) throw invalidField(field, 'has a NUL in it');
  const clean = posix.normalize(path).replace(/(?<=.)\/$/, '');
  if (clean === '/') throw invalidField(field, 'nothing can be mounted over the root');
  return clean;
}

/** A mount can only share what the root itself shares. */
function rootPropagation(mounts: readonly SpecMount[]): MountsPlan['root'] {
  if (mounts.some(({ spec }) => spec.propagation === 'bidirectional')) return { rootfsPropagation: 'rshared' };
  return mounts.some(({ spec }) => spec.propagation === 'host-to-container') ? { rootfsPropagation: 'rslave' } : {};
}

/** An image is nobody's to write to, and no device or set-uid program of it is anybody's to use. */
function optionsOf({ image, options = [] }: MountSpec): readonly string[] {
  return image === undefined ? options : [...new Set(['nosuid', 'nodev', ...options])];
}

function accessOf({ image, readonly, recursiveReadOnly }: MountSpec): Access {
  if (image !== undefined) return 'ro';
  if (!readonly) return 'rw';
  return recursiveReadOnly ? 'rro' : 'ro';
}

function bind(
  destination: string,
  source: string,
  propagation: string,
  access: Access,
  more: readonly string[] = [],
): OciMount {
  return { destination, type: 'bind', source, options: ['rbind', propagation, access, ...more] };
}

function isAtOrBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** Equal depths keep their order: sort() is stable. */
function byDepth(a: OciMount, b: OciMount): number {
  return a.destination.split('/').length - b.destination.split('/').length;
}
