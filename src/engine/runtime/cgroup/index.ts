export type { CgroupService } from './cgroup-service.ts';
export { createCgroupService } from './service.ts';
export type { CgroupServiceDeps } from './service.ts';
