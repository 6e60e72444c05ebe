import { EngineError } from '../errors.ts';
import { devicesAt } from '../host/index.ts';
import type { SpecDevice } from '../runtime/spec/index.ts';
import type { DeviceSpec } from '../types/index.ts';

const ALL_PERMISSIONS = 'rwm';

/** `/dev/x[:/dev/y[:rwm]]`: the node's path, the container's (the same), what may be done (everything). */
export function parseAdditionalDevice(text: string): DeviceSpec {
  const [hostPath = '', containerPath = hostPath, permissions = ALL_PERMISSIONS] = text.split(':');
  return { hostPath, containerPath, permissions };
}

/** The devices that the node gives to every container. Throws failed-precondition naming one that is not there. */
export async function additionalDevices(devices: readonly string[]): Promise<readonly SpecDevice[]> {
  const found = await Promise.all(devices.map(lookUp));
  return found.flat();
}

async function lookUp(text: string): Promise<readonly SpecDevice[]> {
  const { hostPath, containerPath, permissions } = parseAdditionalDevice(text);
  try {
    return (await devicesAt(hostPath, containerPath)).map((device) => ({ device, permissions }));
  } catch (cause) {
    // The request asked for none: what is not found is not the request's.
    throw new EngineError(
      'failed-precondition',
      `containers.additional_devices: ${hostPath} is no device of this node; make it or take it out`,
      { cause },
    );
  }
}
