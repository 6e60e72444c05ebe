export type * from './stats-types.ts';
export type { StatsContainer } from './container-sampler.ts';
export type { StatsSandbox } from './sandbox-sampler.ts';
export { createStatsService } from './stats-service.ts';
export type { StatsDeps, StatsService } from './stats-service.ts';
