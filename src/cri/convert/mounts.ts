import { invalidField } from '../../engine/index.ts';
import type { DeviceSpec, IdMap, ImageMount, MountOption, MountSpec } from '../../engine/index.ts';
import { MountPropagation } from '../generated/cri.js';
import type { Device, IMount, Mount } from '../generated/cri.js';
import { checkAbsolutePath, checkPath, climbs, quote } from './checks.ts';
import { compact } from './compact.ts';
import { toMountIdMap } from './id-map.ts';
import { toImageName } from './image.ts';

/** Paths stay as they were written: the kubelet looks its own up again in a container's status. */
export function toMount(field: string, mount: Mount, pod?: IdMap): MountSpec {
  const options = mount.mountOptions.map((option, i) => toMountOption(`${field}.mount_options[${i}]`, option));
  const image = toImageMount(field, mount);
  return compact({
    containerPath: checkAbsolutePath(`${field}.container_path`, mount.containerPath),
    hostPath: image === undefined ? checkAbsolutePath(`${field}.host_path`, mount.hostPath) : '',
    image,
    readonly: mount.readonly,
    recursiveReadOnly: toRecursiveReadOnly(`${field}.recursive_read_only`, mount),
    options: options.length === 0 ? undefined : options,
    idMap: toMountIdMap(field, mount, pod),
    propagation: toPropagation(`${field}.propagation`, mount.propagation),
    selinuxRelabel: mount.selinuxRelabel,
  });
}

export function fromMount(mount: MountSpec): IMount {
  return {
    containerPath: mount.containerPath,
    hostPath: mount.hostPath,
    ...fromImageMount(mount.image),
    readonly: mount.readonly,
    recursiveReadOnly: mount.recursiveReadOnly ?? false,
    mountOptions: [...(mount.options ?? [])],
    ...fromIdMap(mount.idMap),
    propagation: FROM_PROPAGATION[mount.propagation],
    selinuxRelabel: mount.selinuxRelabel,
  };
}

export function toDevice(field: string, device: Device): DeviceSpec {
  if (!/^[rwm]+$/.test(device.permissions)) {
    throw invalidField(`${field}.permissions`, `must be some of r, w and m, got ${quote(device.permissions)}`);
  }
  return {
    containerPath: checkAbsolutePath(`${field}.container_path`, device.containerPath),
    hostPath: checkAbsolutePath(`${field}.host_path`, device.hostPath),
    permissions: device.permissions,
  };
}

const FROM_PROPAGATION = {
  private: MountPropagation.PROPAGATION_PRIVATE,
  'host-to-container': MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
} as const satisfies Record<MountSpec['propagation'], MountPropagation>;

function toImageMount(field: string, mount: Mount): ImageMount | undefined {
  if (!mount.image?.image) {
    if (mount.image !== null && mount.hostPath === '') throw invalidField(`${field}.image.image`, 'is required');
    if (mount.imageSubPath !== '') throw invalidField(`${field}.image_sub_path`, 'is only for a mount of an image');
    return undefined;
  }
  if (mount.hostPath !== '') throw invalidField(`${field}.host_path`, 'must be empty where image is set');
  if (mount.propagation !== MountPropagation.PROPAGATION_PRIVATE)
    throw invalidField(`${field}.propagation`, 'must be PROPAGATION_PRIVATE for a mount of an image');
  return compact({
    image: toImageName(`${field}.image`, mount.image),
    subPath: mount.imageSubPath === '' ? undefined : checkSubPath(`${field}.image_sub_path`, mount.imageSubPath),
  });
}

function checkSubPath(field: string, path: string): string {
  if (path.startsWith('/') || climbs(path)) throw invalidField(field, `must stay in the image, got ${quote(path)}`);
  return checkPath(field, path);
}

function fromIdMap(map: IdMap | undefined): Pick<IMount, 'uidMappings' | 'gidMappings'> {
  if (map === undefined) return {};
  const mapping = { containerId: 0, ...map };
  return { uidMappings: [mapping], gidMappings: [mapping] };
}

function fromImageMount(image: ImageMount | undefined): Pick<IMount, 'image' | 'imageSubPath'> {
  if (image === undefined) return {};
  return {
    image: { image: image.image, imageRef: image.imageRef ?? '' },
    imageSubPath: image.subPath ?? '',
  };
}

/** Whatever could loosen a mount of the node (exec, dev, suid, rw) or change how it is shared is not among them. */
const MOUNT_OPTIONS: readonly MountOption[] = [
  'nodev',
  'noexec',
  'nosuid',
  'nosymfollow',
  'noatime',
  'nodiratime',
  'relatime',
  'strictatime',
];

function toMountOption(field: string, option: string): MountOption {
  const known = MOUNT_OPTIONS.find((candidate) => candidate === option);
  if (known !== undefined) return known;
  throw invalidField(field, `must be one of ${MOUNT_OPTIONS.join(', ')}, got ${quote(option)}`);
}

function toRecursiveReadOnly(field: string, { recursiveReadOnly, readonly, propagation }: Mount): true | undefined {
  if (!recursiveReadOnly) return undefined;
  if (!readonly) throw invalidField(field, 'needs readonly');
  if (propagation !== MountPropagation.PROPAGATION_PRIVATE)
    throw invalidField(field, 'needs propagation PROPAGATION_PRIVATE');
  return true;
}

function toPropagation(field: string, propagation: MountPropagation): MountSpec['propagation'] {
  if (propagation === MountPropagation.PROPAGATION_PRIVATE) return 'private';
  if (propagation === MountPropagation.PROPAGATION_HOST_TO_CONTAINER) return 'host-to-container';
  if (propagation === MountPropagation.PROPAGATION_BIDIRECTIONAL) return 'bidirectional';
  throw invalidField(field, `there is no propagation ${String(propagation)}`);
}
