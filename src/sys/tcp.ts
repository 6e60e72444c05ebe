import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { check, ErrnoError, libc } from './libc.ts';

/** Of an address on the loopback interface. */
export type IpFamily = 4 | 6;

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const POLLOUT = 0x4;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;
const PORT_AT = 2;
const POLLFD_BYTES = 8;
const INT_BYTES = 4;

const { EINPROGRESS, EINTR } = koffi.os.errno;

const socketFn = libc.func('int socket(int, int, int)') as (domain: number, type: number, protocol: number) => number;
const connectFn = libc.func('int connect(int, void*, unsigned int)') as (
  fd: number,
  at: Buffer,
  size: number,
) => number;
const pollFn = libc.func('int poll(void*, unsigned long, int)') as (
  fds: Buffer,
  count: number,
  waitMs: number,
) => number;
const getsockoptFn = libc.func('int getsockopt(int, int, int, void*, void*)') as (
  fd: number,
  level: number,
  name: number,
  value: Buffer,
  length: Buffer,
) => number;

/**
 * A TCP socket of the calling thread's network namespace that is connecting to the port of its loopback address, without
 * waiting. Whoever gets the descriptor closes it. Throws what the kernel knows at once, also that nobody listens.
 */
export function startConnect(family: IpFamily, port: number): number {
  const fd = check(socketFn(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM_NONBLOCK_CLOEXEC, 0), 'socket');
  try {
    const address = loopbackAddress(family, port);
    if (connectFn(fd, address, address.length) < 0) {
      const errno = koffi.errno();
      if (errno !== EINPROGRESS && errno !== EINTR) throw new ErrnoError('connect', errno);
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Whether the socket is connected now; throws why it will not be. */
export function isConnected(fd: number): boolean {
  const asked = Buffer.alloc(POLLFD_BYTES);
  asked.writeInt32LE(fd, 0);
  asked.writeInt16LE(POLLOUT, INT_BYTES);
  if (pollFn(asked, 1, 0) <= 0) return false; // not yet, or interrupted
  const value = Buffer.alloc(INT_BYTES);
  const length = Buffer.alloc(INT_BYTES);
  length.writeInt32LE(INT_BYTES);
  check(getsockoptFn(fd, SOL_SOCKET, SO_ERROR, value, length), 'getsockopt', 'SO_ERROR');
  const errno = value.readInt32LE(0);
  if (errno !== 0) throw new ErrnoError('connect', errno);
  return true;
}

function loopbackAddress(family: IpFamily, port: number): Buffer {
  const address = Buffer.alloc(family === 4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  address.writeUInt16LE(family === 4 ? AF_INET : AF_INET6, 0);
  address.writeUInt16BE(port, PORT_AT);
  if (family === 4) address.set([127, 0, 0, 1], 4);
  else address[SOCKADDR_IN6_BYTES - 5] = 1; // ::1, and the scope behind it
  return address;
}
