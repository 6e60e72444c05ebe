import { check, libc } from './libc.ts';

const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETOWN = 8;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const FD_CLOEXEC = 1;
const O_ASYNC = 0o20000;

const fcntl = libc.func('int fcntl(int, int, int)') as (fd: number, command: number, argument: number) => number;

/** Asks for a pipe of `bytes`; returns what it holds now, which is less when the kernel's limits forbid that much. */
export function growPipe(fd: number, bytes: number): number {
  if (fcntl(fd, F_SETPIPE_SZ, bytes) < 0) return check(fcntl(fd, F_GETPIPE_SZ, 0), 'fcntl', 'F_GETPIPE_SZ');
  return fcntl(fd, F_GETPIPE_SZ, 0);
}

/** This process gets the SIGIO of the descriptor once `setSignalled` turns it on. */
export function ownSignals(fd: number): void {
  check(fcntl(fd, F_SETOWN, process.pid), 'fcntl', 'F_SETOWN');
}

/** Whether the kernel sends SIGIO when the descriptor has something new. */
export function setSignalled(fd: number, on: boolean): void {
  const flags = check(fcntl(fd, F_GETFL, 0), 'fcntl', 'F_GETFL');
  check(fcntl(fd, F_SETFL, on ? flags | O_ASYNC : flags & ~O_ASYNC), 'fcntl', 'F_SETFL');
}

/** No program that this process starts inherits the descriptor. Returns false for a descriptor that is not open. */
export function setCloseOnExec(fd: number): boolean {
  const flags = fcntl(fd, F_GETFD, 0);
  if (flags < 0) return false;
  return (flags & FD_CLOEXEC) !== 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) === 0;
}
