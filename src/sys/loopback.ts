import { check, libc } from './libc.ts';

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 0x1;
/** Size of `struct ifreq`: the name, then the union that holds the flags. */
const IFREQ_BYTES = 40;
const IFREQ_FLAGS_OFFSET = 16;

const socketFn = libc.func('int socket(int, int, int)');
const ioctlFn = libc.func('int ioctl(int, unsigned long, _Inout_ uint8_t*)');
const closeFn = libc.func('int close(int)');

/** Brings `lo` up in the calling thread's network namespace; the kernel then gives it 127.0.0.1/8 and ::1/128 itself. */
export function bringLoopbackUp(): void {
  const socket = check(socketFn(AF_INET, SOCK_DGRAM_CLOEXEC, 0), 'socket');
  try {
    const request = Buffer.alloc(IFREQ_BYTES);
    request.write('lo', 'latin1');
    check(ioctlFn(socket, SIOCGIFFLAGS, request), 'ioctl SIOCGIFFLAGS', 'lo');
    request.writeUInt16LE(request.readUInt16LE(IFREQ_FLAGS_OFFSET) | IFF_UP, IFREQ_FLAGS_OFFSET);
    check(ioctlFn(socket, SIOCSIFFLAGS, request), 'ioctl SIOCSIFFLAGS', 'lo');
  } finally {
    closeFn(socket);
  }
}
