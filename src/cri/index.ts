/** The façade's door, for main. */
export { createStreamingServer, engineTargets } from './streaming/index.ts';
export type { StreamingServer } from './streaming/index.ts';
export { statusCall } from './status-call.ts';
export { createCriServer } from './server.ts';
export type { CriServerDeps, CriServerOptions } from './server.ts';
