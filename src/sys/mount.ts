import { check, libc } from './libc.ts';

export type MountFlag = 'readonly' | 'nosuid' | 'nodev' | 'noexec' | 'remount' | 'bind' | 'rec';

const MOUNT_FLAGS: Readonly<Record<MountFlag, number>> = {
  readonly: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  remount: 0x20,
  bind: 0x1000,
  rec: 0x4000,
};
const MNT_DETACH = 0x2;
const UMOUNT_NOFOLLOW = 0x8;

const mountFn = libc.func('int mount(const char*, const char*, const char*, unsigned long, const char*)');
const umount2Fn = libc.func('int umount2(const char*, int)');

export interface MountCall {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly flags: readonly MountFlag[];
  /** Options of the file system itself, e.g. `size=65536k,mode=1777`. */
  readonly data?: string;
}

/** One mount(2). Blocks: never for a source that may hang. Throws ErrnoError. */
export function mount(call: MountCall): void {
  const flags = call.flags.reduce((all, flag) => all | MOUNT_FLAGS[flag], 0);
  check(mountFn(call.source, call.target, call.type, flags, call.data ?? null), 'mount', call.target);
}

/** Takes the topmost mount at `target` off the tree; what still uses it keeps it alive. Throws ErrnoError. */
export function detachMount(target: string): void {
  check(umount2Fn(target, MNT_DETACH | UMOUNT_NOFOLLOW), 'umount2', target);
}
