import { check, libc } from './libc.ts';
import { closeOpened } from './openat2.ts';

/** The same numbers on x64 and arm64, as of every system call since Linux 5. */
const SYS_OPEN_TREE = 428;
const SYS_MOVE_MOUNT = 429;
const SYS_MOUNT_SETATTR = 442;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 0x1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const MOVE_MOUNT_F_EMPTY_PATH = 0x4;
const MOUNT_ATTR_RDONLY = 0x1;
const MOUNT_ATTR_NOSUID = 0x2;
const MOUNT_ATTR_NODEV = 0x4;
const MOUNT_ATTR_IDMAP = 0x100000;
/** struct mount_attr: attr_set, attr_clr, propagation, userns_fd; 64 bits each. */
const MOUNT_ATTR_BYTES = 32;

const openTreeFn = libc.func('long syscall(long, int, const char*, unsigned int)');
const setattrFn = libc.func('long syscall(long, int, const char*, unsigned int, const void*, size_t)');
const moveMountFn = libc.func('long syscall(long, int, const char*, int, const char*, unsigned int)');

/**
 * Mounts a folder on another one, read-only, without devices and set-uid programs, its files' owners shifted by the map
 * of an open user namespace. Throws ErrnoError: EINVAL for a file system that cannot.
 */
export function mountShifted(source: string, target: string, userNamespaceFd: number): void {
  const fd = check(
    openTreeFn(SYS_OPEN_TREE, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC),
    'open_tree',
    source,
  );
  try {
    const attr = Buffer.alloc(MOUNT_ATTR_BYTES);
    const set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_IDMAP;
    attr.writeBigUInt64LE(BigInt(set), 0);
    attr.writeBigUInt64LE(BigInt(userNamespaceFd), 24);
    check(setattrFn(SYS_MOUNT_SETATTR, fd, '', AT_EMPTY_PATH, attr, attr.length), 'mount_setattr', `idmap ${source}`);
    check(moveMountFn(SYS_MOVE_MOUNT, fd, '', AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH), 'move_mount', target);
  } finally {
    closeOpened(fd);
  }
}
