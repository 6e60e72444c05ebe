export type { AttachRequest, NetworkService } from './network-service.ts';
export type { NetworkStatus } from './readiness.ts';
export { createNetworkService } from './service.ts';
export type { NetworkServiceDeps } from './service.ts';
export { BUILTIN_BRIDGE, BUILTIN_NAME } from './builtin.ts';
export { builtinConf } from './builtin.ts';
export { loadNetworkConf } from './cni-conf.ts';
export type { ConfSelection, NetworkConf } from './cni-conf.ts';
export { findPlugin } from './plugin.ts';
