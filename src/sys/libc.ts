import koffi from 'koffi';

/**
 * The one place that loads the C library. Callers declare the functions that they use and call them synchronously:
 * FFI's asynchronous calls run on libuv's thread pool, which must never see a pod's namespaces.
 */
export const libc = koffi.load('libc.so.6');

/** An error from a system call: `errno` is the number, `syscall` what was called. */
export class ErrnoError extends Error {
  override readonly name = 'ErrnoError';
  readonly errno: number;
  readonly syscall: string;
  readonly code: string;

  constructor(syscall: string, errno: number, detail = '') {
    const code = errnoName(errno);
    super(`${syscall}${detail === '' ? '' : ` ${detail}`}: ${code}`);
    this.errno = errno;
    this.syscall = syscall;
    this.code = code;
  }
}

/** Returns `result` if it is not negative, else throws the current errno. Call it right after the FFI call. */
export function check(result: number, syscall: string, detail = ''): number {
  if (result < 0) throw new ErrnoError(syscall, koffi.errno(), detail);
  return result;
}

const ERRNO_NAMES = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));

export function errnoName(errno: number): string {
  return ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
}
