import { hostname as nodeHostname } from 'node:os';
import { shortId } from '../ids.ts';
import type { SandboxSpec } from '../types/index.ts';

interface Named {
  readonly id: string;
  readonly spec: Pick<SandboxSpec, 'hostname' | 'namespaces'>;
}

/** The name of a pod's own UTS namespace; undefined on the node's network, where the pod has the node's name. */
export function ownHostname({ id, spec }: Named): string | undefined {
  return spec.namespaces.network === 'node' ? undefined : (spec.hostname ?? shortId(id));
}

/** The name a pod knows itself by. */
export function hostnameOf(sandbox: Named): string {
  return ownHostname(sandbox) ?? nodeHostname();
}
