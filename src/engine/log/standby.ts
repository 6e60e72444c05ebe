import { closeSync, constants, openSync } from 'node:fs';
import type { OutputPaths } from './log-service.ts';

const READER = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
const WRITER = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * Open ends of containers' FIFOs that nobody reads or writes: while the pump is away they keep what a container that ends
 * has written, and a container's stdin from closing. Only readers of the outputs: a writer would keep them from ending.
 */
export class Standby {
  readonly #held = new Map<string, readonly number[]>();

  /** Opens the FIFOs, all or none; those of a container that are open already stay. */
  hold(containerId: string, { stdin, stdout, stderr }: OutputPaths): void {
    if (this.#held.has(containerId)) return;
    const fds: number[] = [];
    try {
      for (const path of [stdout, stderr]) if (path !== undefined) fds.push(openSync(path, READER));
      if (stdin !== undefined) fds.push(openSync(stdin, WRITER));
    } catch (error) {
      for (const fd of fds) closeSync(fd);
      throw error;
    }
    this.#held.set(containerId, fds);
  }

  /** The containers that have something open. */
  get ids(): readonly string[] {
    return [...this.#held.keys()];
  }

  release(containerId: string): void {
    for (const fd of this.#held.get(containerId) ?? []) closeSync(fd);
    this.#held.delete(containerId);
  }

  close(): void {
    for (const id of this.ids) this.release(id);
  }
}
