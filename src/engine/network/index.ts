export type { AttachRequest, NetworkService } from './network-service.ts';
export type { NetworkStatus } from './readiness.ts';
export { createNetworkService } from './service.ts';
export type { NetworkServiceDeps } from './service.ts';
export { BUILTIN_BRIDGE, BUILTIN_NAME } from './builtin.ts';
