/**
 * The engine's vocabulary: what the façade hands in (specs), what it gets back (sandboxes, containers, images).
 * Plain readonly values; nothing here knows gRPC or containerd. Empty strings do not stand for "absent": fields are optional.
 */

export type * from './container.ts';
export type * from './container-spec.ts';
export type * from './id-map.ts';
export type * from './image.ts';
export type * from './mount.ts';
export type * from './nanos.ts';
export type * from './node.ts';
export type * from './pull.ts';
export type * from './resources.ts';
export type * from './sandbox.ts';
export type * from './sandbox-spec.ts';
export type * from './security.ts';
export type * from './shim.ts';
export type * from './string-map.ts';
export type * from './windows.ts';
