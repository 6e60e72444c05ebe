import { invalidField } from '../errors.ts';
import type { AttachRequest } from './network-service.ts';

/** Pairs of CNI_ARGS by which plugins know the pod. Throws invalid-argument for a name that would break the format. */
export function cniArgs({
  sandboxId,
  metadata,
}: Pick<AttachRequest, 'sandboxId' | 'metadata'>): readonly [string, string][] {
  return [
    ['IgnoreUnknown', '1'],
    ['K8S_POD_NAMESPACE', plain(metadata.namespace, 'config.metadata.namespace')],
    ['K8S_POD_NAME', plain(metadata.name, 'config.metadata.name')],
    ['K8S_POD_INFRA_CONTAINER_ID', sandboxId],
    ['K8S_POD_UID', plain(metadata.uid, 'config.metadata.uid')],
  ];
}

function plain(value: string, field: string): string {
  if (/[;=\p{Cc}]/u.test(value))
    throw invalidField(field, `has a character that CNI_ARGS cannot hold: ${JSON.stringify(value)}`);
  return value;
}
