import { check, libc } from './libc.ts';

/** The same number on x64 and arm64, as of every system call since Linux 5. */
const SYS_OPENAT2 = 437;
const O_RDONLY = 0;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_DIRECTORY = process.arch === 'arm64' ? 0o40000 : 0o200000;
const O_NOFOLLOW = process.arch === 'arm64' ? 0o100000 : 0o400000;
const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_IN_ROOT = 0x10;
/** struct open_how: flags, mode, resolve; 64 bits each. */
const OPEN_HOW_BYTES = 24;

const closeFn = libc.func('int close(int)');
const syscallFn = libc.func('long syscall(long, long, const char*, const void*, size_t)');

/**
 * Opens a file for reading as a process would whose root is the folder `rootFd`: no `..` and no symlink, absolute ones
 * included, leads out of it. Does not wait for the other end of a FIFO. To be closed with
 * `closeOpened`: Node keeps book of the descriptors of a worker thread, and this one is not in it. Throws ErrnoError.
 */
export function openInRoot(rootFd: number, path: string): number {
  return open(rootFd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

/** As `openInRoot`, for a folder; the descriptor names its place and reads nothing. */
export function openFolderInRoot(rootFd: number, path: string): number {
  return open(rootFd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/** As `openInRoot`, for whatever is there; the descriptor names its place and reads nothing. */
export function openPlaceInRoot(rootFd: number, path: string): number {
  return open(rootFd, path, O_PATH | O_CLOEXEC);
}

/** As `openPlaceInRoot`, but a symlink at the end of the path is itself what is opened. */
export function openLinkInRoot(rootFd: number, path: string): number {
  return open(rootFd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

function open(rootFd: number, path: string, flags: number): number {
  const how = Buffer.alloc(OPEN_HOW_BYTES);
  how.writeBigUInt64LE(BigInt(flags), 0);
  how.writeBigUInt64LE(BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), 16);
  return check(syscallFn(SYS_OPENAT2, rootFd, path, how, how.length), 'openat2', path);
}

/** Closes what `openInRoot` and its like opened. */
export function closeOpened(fd: number): void {
  check(closeFn(fd), 'close');
}
