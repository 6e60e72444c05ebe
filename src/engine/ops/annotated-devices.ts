import { parseDeviceText } from '../../device-text.ts';
import type { NamedDevice } from '../../device-text.ts';
import type { ContainerDefaults } from '../engine-config.ts';
import { EngineError, invalidField } from '../errors.ts';
import { devicesAt } from '../host/index.ts';
import type { AnnotationRules, SpecDevice } from '../runtime/spec/index.ts';
import type { StringMap } from '../types/index.ts';
import { DEVICES, podAnnotation } from './pod-annotation.ts';
import type { AnnotationInForce } from './pod-annotation.ts';

/**
 * The devices that a pod's annotation asks for, for all of its containers. Throws invalid-argument naming one that is
 * none, or that pods may not have.
 */
export async function annotatedDevices(
  annotations: StringMap,
  handler: Pick<AnnotationRules, 'podAnnotations' | 'defaultAnnotations'>,
  defaults: Pick<ContainerDefaults, 'allowedDevices'>,
): Promise<readonly SpecDevice[]> {
  const asked = podAnnotation(annotations, handler, DEVICES);
  if (asked === undefined) return [];
  const named = namedDevices(asked, defaults);
  const found = await Promise.all(named.map((device) => lookUp(asked.field, device)));
  return found.flat();
}

function namedDevices(
  { field, value }: AnnotationInForce,
  { allowedDevices }: Pick<ContainerDefaults, 'allowedDevices'>,
): readonly NamedDevice[] {
  const parts = value.split(',').map((part) => part.trim());
  return parts.flatMap((part) => {
    if (part === '') return [];
    const named = parseDeviceText(part);
    if (named === undefined)
      throw invalidField(field, `${JSON.stringify(part)} is no device like /dev/fuse or /dev/x:/dev/y:rwm`);
    if (!allowedDevices.includes(named.hostPath))
      throw invalidField(field, `${named.hostPath} is not among this node's containers.allowed_devices`);
    return [named];
  });
}

async function lookUp(
  field: string,
  { hostPath, containerPath, permissions }: NamedDevice,
): Promise<readonly SpecDevice[]> {
  try {
    return (await devicesAt(hostPath, containerPath)).map((device) => ({ device, permissions }));
  } catch (cause) {
    throw new EngineError('failed-precondition', `${field}: ${hostPath} is no device of this node`, { cause });
  }
}
