import { closeSync } from 'node:fs';
import { check, libc } from './libc.ts';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
/** The family comes first. */
const PATH_AT = 2;

const socketFn = libc.func('int socket(int, int, int)') as (domain: number, type: number, protocol: number) => number;
const sendtoFn = libc.func('long sendto(int, void*, unsigned long, int, void*, unsigned int)') as (
  fd: number,
  message: Buffer,
  length: number,
  flags: number,
  address: Buffer,
  addressLength: number,
) => number;

/**
 * Sends one datagram to a unix socket: a path or, behind an @, a name in the abstract namespace. Does not wait. Throws
 * what the kernel says. (Node has no datagram sockets of this family.)
 */
export function sendDatagram(address: string, message: string): void {
  const path = Buffer.from(address.replace(/^@/, '\0'));
  const sockaddr = Buffer.alloc(PATH_AT + path.length);
  sockaddr.writeUInt16LE(AF_UNIX);
  path.copy(sockaddr, PATH_AT);
  const bytes = Buffer.from(message);
  const fd = check(socketFn(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0), 'socket');
  try {
    check(sendtoFn(fd, bytes, bytes.length, MSG_DONTWAIT_NOSIGNAL, sockaddr, sockaddr.length), 'sendto', address);
  } finally {
    closeSync(fd);
  }
}
