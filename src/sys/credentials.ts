import { check, libc } from './libc.ts';

/** Of the calling thread alone: the C library's own functions would change every thread. */
const SYS_SETRESUID = process.arch === 'arm64' ? 147 : 117;
/** Leaves an id as it is. */
const KEEP = -1;
const ROOT = 0;

const syscallFn = libc.func('long syscall(long, long, long, long)');

/** Runs `work`, which must be synchronous, with another effective user id. The thread must be root's. */
export function withEffectiveUser<T>(uid: number, work: () => T): T {
  check(syscallFn(SYS_SETRESUID, KEEP, uid, KEEP), 'setresuid', String(uid));
  try {
    return work();
  } finally {
    check(syscallFn(SYS_SETRESUID, KEEP, ROOT, KEEP), 'setresuid', 'back to root');
  }
}
