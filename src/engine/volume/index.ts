export type { PodFileMounts, PodFiles, PodFilesDeps, PodFilesRequest, TmpfsMounts } from './pod-files.ts';
export { createPodFiles } from './pod-files.ts';
export { checkDns } from './resolv-conf.ts';
export type { MountSources, MountSourcesDeps, ResolvedMount } from './mount-source.ts';
export { createMountSources } from './mount-source.ts';
export type { Propagation } from './propagation.ts';
export { checkPropagation, propagationOf } from './propagation.ts';
