import { parseDeviceText } from '../../device-text.ts';
import { EngineError } from '../errors.ts';
import { devicesAt } from '../host/index.ts';
import type { SpecDevice } from '../runtime/spec/index.ts';

/** The devices that the node gives to every container. Throws failed-precondition naming one that is not there. */
export async function additionalDevices(devices: readonly string[]): Promise<readonly SpecDevice[]> {
  const found = await Promise.all(devices.map(lookUp));
  return found.flat();
}

async function lookUp(text: string): Promise<readonly SpecDevice[]> {
  const named = parseDeviceText(text);
  try {
    if (named === undefined) throw new Error('is no device');
    const { hostPath, containerPath, permissions } = named;
    return (await devicesAt(hostPath, containerPath)).map((device) => ({ device, permissions }));
  } catch (cause) {
    // The request asked for none: what is not found is not the request's.
    throw new EngineError(
      'failed-precondition',
      `containers.additional_devices: ${named?.hostPath ?? text} is no device of this node; make it or take it out`,
      { cause },
    );
  }
}
