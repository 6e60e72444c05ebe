import { invalidField } from '../../engine/index.ts';
import type { DeviceSpec, MountSpec } from '../../engine/index.ts';
import { MountPropagation } from '../generated/cri.js';
import type { Device, IMount, Mount } from '../generated/cri.js';
import { checkAbsolutePath, quote } from './checks.ts';

/** Paths stay as they were written: the kubelet looks its own up again in a container's status. */
export function toMount(field: string, mount: Mount): MountSpec {
  return {
    containerPath: checkAbsolutePath(`${field}.container_path`, mount.containerPath),
    hostPath: checkAbsolutePath(`${field}.host_path`, mount.hostPath),
    readonly: mount.readonly,
    propagation: toPropagation(`${field}.propagation`, mount.propagation),
    selinuxRelabel: mount.selinuxRelabel,
  };
}

export function fromMount(mount: MountSpec): IMount {
  return {
    containerPath: mount.containerPath,
    hostPath: mount.hostPath,
    readonly: mount.readonly,
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

function toPropagation(field: string, propagation: MountPropagation): MountSpec['propagation'] {
  if (propagation === MountPropagation.PROPAGATION_PRIVATE) return 'private';
  if (propagation === MountPropagation.PROPAGATION_HOST_TO_CONTAINER) return 'host-to-container';
  if (propagation === MountPropagation.PROPAGATION_BIDIRECTIONAL) return 'bidirectional';
  throw invalidField(field, `there is no propagation ${String(propagation)}`);
}
