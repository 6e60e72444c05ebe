import { readlinkSync } from 'node:fs';
import { check, libc } from './libc.ts';

/**
 * Namespaces of the calling thread. Only a thread that was made for it may call the functions that move it: see
 * src/engine/runtime/namespaces/worker.ts.
 */
export type NamespaceKind = 'net' | 'ipc' | 'uts';

/** Linux's limit of a host name, in bytes (HOST_NAME_MAX). */
export const HOSTNAME_MAX_BYTES = 64;

const CLONE_FLAGS: Readonly<Record<NamespaceKind, number>> = {
  net: 0x40000000,
  ipc: 0x08000000,
  uts: 0x04000000,
};

const unshareFn = libc.func('int unshare(int)');
const setnsFn = libc.func('int setns(int, int)');
const sethostnameFn = libc.func('int sethostname(const char*, size_t)');

/** Moves the calling thread into new namespaces of these kinds, all or none. */
export function unshare(kinds: readonly NamespaceKind[]): void {
  const flags = kinds.reduce((all, kind) => all | CLONE_FLAGS[kind], 0);
  check(unshareFn(flags), 'unshare', kinds.join(','));
}

/** Moves the calling thread into the namespace behind an open descriptor. */
export function setns(fd: number, kind: NamespaceKind): void {
  check(setnsFn(fd, CLONE_FLAGS[kind]), 'setns', kind);
}

/** Names the calling thread's UTS namespace. */
export function sethostname(hostname: string): void {
  check(sethostnameFn(hostname, Buffer.byteLength(hostname)), 'sethostname');
}

/** Where the kernel shows the calling thread's own namespace. */
export function ownNamespacePath(kind: NamespaceKind): string {
  return `/proc/thread-self/ns/${kind}`;
}

/** Identity of the calling thread's namespace, e.g. `net:[4026531840]`. */
export function ownNamespaceId(kind: NamespaceKind): string {
  return readlinkSync(ownNamespacePath(kind));
}
