import { invalidField } from '../../../errors.ts';
import type { DeviceSpec } from '../../../types/index.ts';
import type { OciWindowsDevice } from './oci-windows.ts';

const CLASS_GUID = /^class\/(.+)$/;
const TYPED = /^([a-z][a-z0-9-]*):\/\/(.+)$/i;

/** Devices by their kind and id: `class/GUID`, or `kind://id`. Throws invalid-argument naming the device. */
export function windowsDevices(devices: readonly DeviceSpec[]): readonly OciWindowsDevice[] {
  return devices.map(({ hostPath, containerPath, permissions }, index) => {
    const field = `config.devices[${index}]`;
    if (containerPath !== '')
      throw invalidField(`${field}.container_path`, 'must be empty: devices of Windows have none');
    if (permissions !== '') throw invalidField(`${field}.permissions`, 'must be empty: devices of Windows have none');
    const guid = CLASS_GUID.exec(hostPath)?.[1];
    if (guid !== undefined) return { idType: 'class', id: guid };
    const [, idType, id] = TYPED.exec(hostPath) ?? [];
    if (idType === undefined || id === undefined)
      throw invalidField(`${field}.host_path`, `must be class/GUID or kind://id, got ${JSON.stringify(hostPath)}`);
    return { idType, id };
  });
}
