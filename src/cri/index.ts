/** The façade's door, for main. */
export type { CriLogger } from './access-log.ts';
export type { CallMetrics } from './interceptor.ts';
export { createStreamingServer, engineTargets } from './streaming/index.ts';
export type { StreamingServer } from './streaming/index.ts';
export { createCriServer } from './server.ts';
export type { CriServer, CriServerDeps, CriServerOptions } from './server.ts';
