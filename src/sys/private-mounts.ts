import { check, libc } from './libc.ts';

/**
 * A mount namespace for the calling thread alone. Only a thread that was made for it may call these: see
 * src/engine/security/rootfs/worker.ts.
 */
const CLONE_FS = 0x200;
const CLONE_NEWNS = 0x20000;
const MS_RDONLY = 0x1;
const MS_NOSUID = 0x2;
const MS_NODEV = 0x4;
const MS_NOEXEC = 0x8;
const MS_REMOUNT = 0x20;
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SLAVE = 0x80000;

const unshareFn = libc.func('int unshare(int)');
const setnsFn = libc.func('int setns(int, int)');
const chdirFn = libc.func('int chdir(const char*)');
const mountFn = libc.func('int mount(const char*, const char*, const char*, unsigned long, const char*)');

/** Where the kernel shows the calling thread's mount namespace. */
export const OWN_MOUNT_NAMESPACE = '/proc/thread-self/ns/mnt';

/** Gives the calling thread a root and a working directory of its own, which entering a mount namespace needs. */
export function unshareFs(): void {
  check(unshareFn(CLONE_FS), 'unshare', 'fs');
}

/**
 * Moves the calling thread into a new mount namespace, a copy of its own. What is mounted in it stays in it, and what is
 * unmounted outside goes from it as well. It ends, with all its mounts, when the thread leaves it or dies.
 */
export function enterPrivateMounts(): void {
  check(unshareFn(CLONE_NEWNS), 'unshare', 'mnt');
  check(mountFn('none', '/', null, MS_REC | MS_SLAVE, null), 'mount', 'make / a slave');
}

/** Moves the calling thread into the mount namespace behind an open descriptor, to its root. */
export function enterMounts(fd: number): void {
  check(setnsFn(fd, CLONE_NEWNS), 'setns', 'mnt');
}

/** Makes the mount at `target` read-only and takes every power from its files: no set-uid, no devices, no programs. */
export function disarmMount(target: string): void {
  const flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  check(mountFn('none', target, null, flags, null), 'mount', `remount ${target}`);
}

/** Changes the working directory of the calling thread, which has one of its own since unshareFs(). */
export function changeDirectory(path: string): void {
  check(chdirFn(path), 'chdir', path);
}
