import type { ContainerMetadata, SandboxMetadata } from '../../engine/index.ts';
import type * as cri from '../generated/cri.js';
import { checkName, required } from './checks.ts';

export function toSandboxMetadata(field: string, message: cri.PodSandboxMetadata | null): SandboxMetadata {
  const metadata = required(field, message);
  return {
    name: checkName(`${field}.name`, metadata.name),
    uid: checkName(`${field}.uid`, metadata.uid),
    namespace: checkName(`${field}.namespace`, metadata.namespace),
    attempt: metadata.attempt,
  };
}

export function toContainerMetadata(field: string, message: cri.ContainerMetadata | null): ContainerMetadata {
  const metadata = required(field, message);
  return { name: checkName(`${field}.name`, metadata.name), attempt: metadata.attempt };
}
