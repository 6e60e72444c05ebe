import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { check, ErrnoError, libc } from './libc.ts';

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 0x1;
const EPOLLET = 0x8000_0000;
const MAX_EVENTS = 64;
/** struct epoll_event is packed on x86-64 and nowhere else. */
const EVENT = process.arch === 'x64' ? { bytes: 12, dataAt: 4 } : { bytes: 16, dataAt: 8 };

const { EINTR } = koffi.os.errno;

const epollCreate = libc.func('int epoll_create1(int)') as (flags: number) => number;
const epollCtl = libc.func('int epoll_ctl(int, int, int, void*)') as (
  epoll: number,
  operation: number,
  fd: number,
  event: Buffer | null,
) => number;
const epollWait = libc.func('int epoll_wait(int, void*, int, int)') as (
  epoll: number,
  events: Buffer,
  count: number,
  timeoutMs: number,
) => number;

/** Tells which of many descriptors have something new to read; edge-triggered, and it never waits. */
export class Epoll {
  readonly #fd: number;
  readonly #events = Buffer.alloc(EVENT.bytes * MAX_EVENTS);

  private constructor(fd: number) {
    this.#fd = fd;
  }

  static create(): Epoll {
    return new Epoll(check(epollCreate(EPOLL_CLOEXEC), 'epoll_create1'));
  }

  add(fd: number): void {
    const event = Buffer.alloc(EVENT.bytes);
    event.writeUInt32LE((EPOLLIN | EPOLLET) >>> 0, 0);
    event.writeInt32LE(fd, EVENT.dataAt);
    check(epollCtl(this.#fd, EPOLL_CTL_ADD, fd, event), 'epoll_ctl', `ADD ${fd}`);
  }

  /** Before the descriptor is closed. */
  remove(fd: number): void {
    check(epollCtl(this.#fd, EPOLL_CTL_DEL, fd, null), 'epoll_ctl', `DEL ${fd}`);
  }

  /** The descriptors that became readable, or lost their last writer, since they were last told. */
  ready(): readonly number[] {
    const fds: number[] = [];
    for (;;) {
      const count = epollWait(this.#fd, this.#events, MAX_EVENTS, 0);
      if (count < 0) {
        const errno = koffi.errno();
        if (errno === EINTR) continue;
        throw new ErrnoError('epoll_wait', errno);
      }
      for (let i = 0; i < count; i++) fds.push(this.#events.readInt32LE(i * EVENT.bytes + EVENT.dataAt));
      if (count < MAX_EVENTS) return fds;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
