export type { NamespaceRequest, NamespaceService, PinnedNamespaces } from './namespace-service.ts';
export type { TmpfsOptions } from './protocol.ts';
export type { OwnNamespaces, Sysctl } from './sysctls.ts';
export { checkSandboxSysctls, checkSysctls, sysctlField, sysctlKind } from './sysctls.ts';
export { checkHostname } from './hostname.ts';
export { createNamespaceService, NAMESPACE_WORKER_SOURCE } from './service.ts';
export type { NamespaceServiceDeps } from './service.ts';
