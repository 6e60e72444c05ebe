import { posix } from 'node:path';
import { invalidField } from '../../errors.ts';
import type { HostDevice } from '../../host/index.ts';
import type { OciDevice, OciDeviceRule } from './oci.ts';

/** A device of the host, as the container sees it, and what it may do with it. */
export interface SpecDevice {
  readonly device: HostDevice;
  /** A subset of `rwm`. */
  readonly permissions: string;
}

export interface DevicesInput {
  readonly devices: readonly SpecDevice[];
  /** Of the node's own choice; one of the request on the same path takes the place of it, rights and all. */
  readonly additional: readonly SpecDevice[];
  /** Every device of the host, for a privileged container only. */
  readonly hostDevices: readonly HostDevice[];
  readonly privileged: boolean;
}

export interface DevicesPlan {
  readonly devices: readonly OciDevice[];
  /** Nothing but what follows; the OCI runtime adds the handful that every program needs (null, zero, tty, …). */
  readonly rules: readonly OciDeviceRule[];
}

/** Letters of r, w and m, none twice. */
const PERMISSIONS = /^(?!.*(.).*\1)[rwm]+$/;

export function containerDevices({ devices, additional, hostDevices, privileged }: DevicesInput): DevicesPlan {
  const byPath = new Map<string, OciDevice>();
  if (privileged) for (const device of hostDevices) byPath.set(device.path, { ...device });
  const asked = new Set(devices.map(({ device }) => posix.normalize(device.path)));
  const given = additional.filter(({ device }) => !asked.has(device.path));
  for (const { device } of given) byPath.set(device.path, { ...device });
  devices.forEach(({ device, permissions }, index) => {
    const path = posix.normalize(device.path);
    if (!path.startsWith('/'))
      throw invalidField(`config.devices[${index}].container_path`, `${JSON.stringify(path)} is not an absolute path`);
    if (!PERMISSIONS.test(permissions))
      throw invalidField(
        `config.devices[${index}].permissions`,
        `${JSON.stringify(permissions)} is not made of r, w, m`,
      );
    byPath.set(path, { ...device, path });
  });
  const rules = privileged ? [allowAll()] : [denyAll(), ...[...given, ...devices].map(allow)];
  return { devices: [...byPath.values()], rules };
}

export function denyAll(): OciDeviceRule {
  return { allow: false, access: 'rwm' };
}

function allowAll(): OciDeviceRule {
  return { allow: true, access: 'rwm' };
}

function allow({ device: { type, major, minor }, permissions }: SpecDevice): OciDeviceRule {
  return { allow: true, type, major, minor, access: permissions };
}
