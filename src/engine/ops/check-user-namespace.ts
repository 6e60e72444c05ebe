import { EngineError } from '../errors.ts';
import type { HandlerFeatures, SandboxSpec } from '../types/index.ts';

/** Refuses a pod with a user namespace where its containers could not be made, before anything is made. */
export function checkUserNamespace(
  { namespaces }: Pick<SandboxSpec, 'namespaces'>,
  handler: string,
  features: HandlerFeatures,
): void {
  if (namespaces.user === undefined || features.userNamespaces) return;
  throw new EngineError(
    'failed-precondition',
    `config.linux.security_context.namespace_options.userns_options: handler ${handler} cannot give user namespaces: they ` +
      'need Linux 6.3, runc 1.2 or another runtime with idmapped mounts, and a snapshotter of containerd 2 that remaps ids',
  );
}
