import type { ContainerDefaults } from '../engine-config.ts';
import { invalidField } from '../errors.ts';
import type { LinuxResources } from '../types/index.ts';

/**
 * Refuses a memory limit in which a container could not even be started. `field` is the path of the resources in the
 * request. A limit that the request does not set is not looked at.
 */
export function checkMemory(
  field: string,
  { memoryLimitBytes }: LinuxResources,
  { minMemoryBytes }: Pick<ContainerDefaults, 'minMemoryBytes'>,
): void {
  if (memoryLimitBytes === undefined || memoryLimitBytes <= 0 || memoryLimitBytes >= minMemoryBytes) return;
  throw invalidField(
    `${field}.memory_limit_in_bytes`,
    `${memoryLimitBytes} is less than this node's least, ${minMemoryBytes} (containers.min_memory)`,
  );
}
