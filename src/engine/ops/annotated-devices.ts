import { parseDeviceText } from '../../device-text.ts';
import type { NamedDevice } from '../../device-text.ts';
import type { ContainerDefaults } from '../engine-config.ts';
import { EngineError, invalidField } from '../errors.ts';
import { devicesAt } from '../host/index.ts';
import type { AnnotationRules, SpecDevice } from '../runtime/spec/index.ts';
import type { StringMap } from '../types/index.ts';
import { annotationField, DEVICES_ANNOTATION, podAnnotation } from './pod-annotation.ts';

const FIELD = annotationField(DEVICES_ANNOTATION);

/**
 * The devices that a pod's annotation asks for, for all of its containers. Throws invalid-argument naming one that is
 * none, or that pods may not have.
 */
export async function annotatedDevices(
  annotations: StringMap,
  handler: Pick<AnnotationRules, 'podAnnotations'>,
  defaults: Pick<ContainerDefaults, 'allowedDevices'>,
): Promise<readonly SpecDevice[]> {
  const text = podAnnotation(annotations, handler, DEVICES_ANNOTATION);
  const found = await Promise.all(namedDevices(text ?? '', defaults).map(lookUp));
  return found.flat();
}

function namedDevices(
  text: string,
  { allowedDevices }: Pick<ContainerDefaults, 'allowedDevices'>,
): readonly NamedDevice[] {
  const parts = text.split(',').map((part) => part.trim());
  return parts.flatMap((part) => {
    if (part === '') return [];
    const named = parseDeviceText(part);
    if (named === undefined)
      throw invalidField(FIELD, `${JSON.stringify(part)} is no device like /dev/fuse or /dev/x:/dev/y:rwm`);
    if (!allowedDevices.includes(named.hostPath))
      throw invalidField(FIELD, `${named.hostPath} is not among this node's containers.allowed_devices`);
    return [named];
  });
}

async function lookUp({ hostPath, containerPath, permissions }: NamedDevice): Promise<readonly SpecDevice[]> {
  try {
    return (await devicesAt(hostPath, containerPath)).map((device) => ({ device, permissions }));
  } catch (cause) {
    throw new EngineError('failed-precondition', `${FIELD}: ${hostPath} is no device of this node`, { cause });
  }
}
