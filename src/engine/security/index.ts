export { createRootfsReader, ROOTFS_WORKER_SOURCE } from './rootfs/service.ts';
export type { RootfsReaderDeps } from './rootfs/service.ts';
export type { RootfsMount } from './rootfs/root-mounts.ts';
export type { RootFiles, RootfsReader } from './rootfs/rootfs-reader.ts';
export { GROUP_PATH, imageUserOf, neededFiles, PASSWD_PATH, planUser, resolveUser } from './user.ts';
export type { UserFiles, UserPlan, UserSecurity } from './user.ts';
