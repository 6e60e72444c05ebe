/** The admin socket's door, for main. */
export type { HealthSource } from './health.ts';
export { createAdminServer } from './server.ts';
export type { AdminServerDeps } from './server.ts';
