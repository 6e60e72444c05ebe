export { Marks } from './marks.ts';
export type { Mark } from './marks.ts';
export { ORPHAN_KINDS, planReconcile } from './plan.ts';
export type { KeptReason, Known, MarkedThing, Orphan, OrphanKind, PlanOptions } from './plan.ts';
export { ReconcileLoop } from './loop.ts';
export type { ReconcileReport, ReconcileSettings } from './loop.ts';
export { findFolders } from './state-folders.ts';
export type { FolderOf, FolderThing } from './state-folders.ts';
