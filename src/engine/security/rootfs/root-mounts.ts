import { posix } from 'node:path';
import { EngineError } from '../../errors.ts';

/** A mount as containerd's snapshotters give it. */
export interface RootfsMount {
  readonly type: string;
  readonly source: string;
  readonly target?: string;
  readonly options: readonly string[];
}

/** One mount(2) of a root. */
export type RootMount =
  | { readonly kind: 'bind'; readonly source: string }
  | {
      readonly kind: 'filesystem';
      readonly type: string;
      readonly source: string;
      readonly data: string;
      /** Folder that relative paths in `data` start from. */
      readonly from: string;
    };

/** The kernel takes a page of options, its closing NUL included. */
const DATA_MAX_BYTES = 4095;
/** Options of the mount, not of the file system, and those that only writing needs. Ids are read as the files have them. */
const DROPPED =
  /^(ro|rw|bind|rbind|defaults|(no)?(suid|dev|exec|atime|diratime)|relatime|strictatime|upperdir=.*|workdir=.*|volatile|index=.*|nfs_export=.*|[ug]idmap=.*)$/;

/** Options that count for writing, too; `volatile` marks a root that only its first mount may write to. */
const DROPPED_FOR_WRITING =
  /^(ro|rw|bind|rbind|defaults|(no)?(suid|dev|exec|atime|diratime)|relatime|strictatime|volatile|[ug]idmap=.*)$/;

/**
 * The mounts of a snapshot, rewritten to be read beside their owner. An overlay's upper folder becomes its topmost lower
 * one: two overlays that write to one folder damage it. Layers are named relative to the folder that they share, so that
 * a hundred of them fit. Throws unimplemented for what cannot be mounted here.
 */
export function readOnlyMounts(mounts: readonly RootfsMount[]): readonly RootMount[] {
  return rewritten(mounts, DROPPED, readOnlyOverlay);
}

/** As readOnlyMounts(), but to be written to, by who has the root alone: before its container begins. */
export function writableMounts(mounts: readonly RootfsMount[]): readonly RootMount[] {
  return rewritten(mounts, DROPPED_FOR_WRITING, writableOverlay);
}

function rewritten(
  mounts: readonly RootfsMount[],
  dropped: RegExp,
  overlay: (mount: RootfsMount) => RootMount,
): readonly RootMount[] {
  if (mounts.length === 0) throw new EngineError('internal', 'a root without mounts');
  return mounts.map((mount) => {
    if (mount.target !== undefined && mount.target !== '')
      throw unsupported(mount, `has a target of its own, ${mount.target}`);
    if (mount.options.includes('loop')) throw unsupported(mount, 'needs a loop device');
    if (mount.type === 'overlay') return overlay(mount);
    if (mount.type === 'bind' || isBind(mount)) return { kind: 'bind', source: mount.source };
    const data = mount.options.filter((option) => !dropped.test(option)).join(',');
    return { kind: 'filesystem', type: mount.type, source: mount.source, data, from: '/' };
  });
}

function readOnlyOverlay(mount: RootfsMount): RootMount {
  const upper = valueOf(mount, 'upperdir');
  const layers = [...(upper === undefined ? [] : [upper.replaceAll(':', '\\:')]), ...lowerLayers(mount)];
  const [only, second] = layers;
  if (only === undefined) throw unsupported(mount, 'names no layer');
  // An overlay without an upper folder wants two lower ones.
  if (second === undefined) return { kind: 'bind', source: unescape(only) };
  return ofOverlay(mount, layers, [], DROPPED);
}

function writableOverlay(mount: RootfsMount): RootMount {
  const [upper, work] = [valueOf(mount, 'upperdir'), valueOf(mount, 'workdir')];
  if (upper === undefined || work === undefined) throw unsupported(mount, 'has no folder to write to');
  return ofOverlay(mount, lowerLayers(mount), [`upperdir=${upper}`, `workdir=${work}`], DROPPED_FOR_WRITING);
}

function ofOverlay(mount: RootfsMount, layers: readonly string[], more: readonly string[], dropped: RegExp): RootMount {
  const from = commonFolder(layers);
  const names = layers.map((layer) => posix.relative(from, layer) || '.');
  const data = [`lowerdir=${names.join(':')}`, ...more, ...rest(mount, dropped)].join(',');
  if (Buffer.byteLength(data) > DATA_MAX_BYTES) throw unsupported(mount, `has too many layers, ${layers.length}`);
  return { kind: 'filesystem', type: 'overlay', source: 'overlay', data, from: unescape(from) };
}

function lowerLayers(mount: RootfsMount): readonly string[] {
  return (valueOf(mount, 'lowerdir') ?? '').split(/(?<!\\):/).filter((layer) => layer !== '');
}

function commonFolder(paths: readonly string[]): string {
  const [first = '/', ...others] = paths.map((path) => posix.dirname(path));
  let common = first;
  while (common !== '/' && !others.every((path) => path === common || path.startsWith(`${common}/`))) {
    common = posix.dirname(common);
  }
  return common;
}

function rest(mount: RootfsMount, dropped: RegExp): readonly string[] {
  const kept = mount.options.filter((option) => !dropped.test(option) && !/^(lower|upper|work)dir=/.test(option));
  if (dropped === DROPPED_FOR_WRITING) return kept;
  return kept.map((option) => (option === 'redirect_dir=on' ? 'redirect_dir=follow' : option));
}

function valueOf(mount: RootfsMount, name: string): string | undefined {
  return mount.options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
}

function isBind(mount: RootfsMount): boolean {
  return mount.options.includes('bind') || mount.options.includes('rbind');
}

function unescape(path: string): string {
  return path.replaceAll(/\\(.)/g, '$1');
}

function unsupported(mount: RootfsMount, why: string): EngineError {
  return new EngineError('unimplemented', `a root of type ${mount.type} cannot be read: it ${why}`);
}
