import type { Epoll } from '../sys/epoll.ts';
import { ownSignals, setSignalled } from '../sys/fcntl.ts';

/** What one turn of a source came to: it may have more; it is empty for now; it is not to be asked until `wake`. */
export type Turn = 'more' | 'idle' | 'stopped';

/** Something with a FIFO that is moved one piece at a time. */
export interface Source {
  readonly fd: number;
  /** Moves one piece; never throws. */
  turn(): Turn;
}

interface Entry {
  readonly source: Source;
  /** The kernel sends SIGIO when something comes. */
  signalled: boolean;
}

/** A signal that was lost delays its bytes by this much. */
const SAFETY_INTERVAL_MS = 2000;
/** Between two looks at the sockets. */
const SLICE_MS = 5;

/**
 * Gives every source that has something its turns, round robin, one piece each.
 *
 * Node can wait for sockets and for nothing else, so the kernel's SIGIO says that some FIFO got something (libuv makes an
 * event of the signal) and epoll, asked without waiting, says which. A thread that waits in epoll and posts messages would
 * do it, too; measured, it costs 16 MB and a third more time from a container's write to its log line. A source that is
 * busy is asked until it is empty and not signalled meanwhile: a signal for each write would cost more than the writes.
 */
export class Reactor {
  readonly #epoll: Epoll;
  readonly #entries = new Map<number, Entry>();
  readonly #busy = new Set<Entry>();
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(epoll: Epoll) {
    this.#epoll = epoll;
  }

  start(): void {
    process.on('SIGIO', this.#look); // before any descriptor is signalled: SIGIO ends a process that does not handle it
    this.#timer ??= setInterval(this.#look, SAFETY_INTERVAL_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const entry of this.#entries.values()) this.#signal(entry, false);
    this.#entries.clear();
    this.#busy.clear();
    process.off('SIGIO', this.#look);
    this.#epoll.close();
  }

  /** Watches the source from now on; it is asked when something comes. */
  add(source: Source): void {
    ownSignals(source.fd);
    this.#epoll.add(source.fd);
    const entry = { source, signalled: false };
    this.#entries.set(source.fd, entry);
    this.#signal(entry, true);
  }

  /** Before its descriptor is closed. */
  remove(source: Source): void {
    const entry = this.#entries.get(source.fd);
    if (entry === undefined) return;
    this.#entries.delete(source.fd);
    this.#busy.delete(entry);
    this.#signal(entry, false);
    this.#epoll.remove(source.fd);
  }

  /** Asks the source, whether or not something came. */
  wake(source: Source): void {
    this.#wakeFd(source.fd);
  }

  readonly #look = (): void => {
    for (const fd of this.#epoll.ready()) this.#wakeFd(fd);
  };

  readonly #run = (): void => {
    this.#scheduled = false;
    const end = performance.now() + SLICE_MS;
    for (const entry of this.#busy) {
      this.#busy.delete(entry);
      this.#busy.add(entry); // last in the row now, where this loop comes by again
      this.#turn(entry);
      if (performance.now() >= end) break;
    }
    this.#schedule();
  };

  #wakeFd(fd: number): void {
    const entry = this.#entries.get(fd);
    if (entry === undefined) return;
    this.#busy.add(entry);
    this.#schedule();
  }

  #turn(entry: Entry): void {
    const turn = entry.source.turn();
    if (!this.#busy.has(entry)) return; // the turn removed it
    if (turn === 'idle' && !entry.signalled) {
      this.#signal(entry, true); // and one more turn: something may have come before the signal was on
    } else if (turn === 'idle') {
      this.#busy.delete(entry);
    } else {
      this.#signal(entry, false);
      if (turn === 'stopped') this.#busy.delete(entry);
    }
  }

  #signal(entry: Entry, on: boolean): void {
    if (entry.signalled === on) return;
    setSignalled(entry.source.fd, on);
    entry.signalled = on;
  }

  #schedule(): void {
    if (this.#scheduled || this.#busy.size === 0) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }
}
