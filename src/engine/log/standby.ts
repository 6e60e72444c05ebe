import { closeSync, constants, existsSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { OutputPaths } from './log-service.ts';

const READER = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
const WRITER = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** Where a container's FIFOs are. */
export function outputPaths(root: string, containerId: string): Required<OutputPaths> {
  const at = (name: string): string => join(root, containerId, name);
  return { stdin: at('stdin'), stdout: at('stdout'), stderr: at('stderr') };
}

interface Held {
  readonly outputs: readonly number[];
  readonly stdin: number | undefined;
}

/**
 * Open ends of containers' FIFOs that nobody reads or writes: while the pump is away they keep what a container that ends
 * has written, and a container's stdin from closing. Only readers of the outputs: a writer would keep them from ending.
 */
export class Standby {
  readonly #held = new Map<string, Held>();

  /** Opens the FIFOs, all or none; those of a container that are open already stay. */
  hold(containerId: string, { stdin, stdout, stderr }: OutputPaths): void {
    if (this.#held.has(containerId)) return;
    const outputs: number[] = [];
    try {
      for (const path of [stdout, stderr]) if (path !== undefined) outputs.push(openSync(path, READER));
      this.#held.set(containerId, { outputs, stdin: stdin === undefined ? undefined : openSync(stdin, WRITER) });
    } catch (error) {
      for (const fd of outputs) closeSync(fd);
      throw error;
    }
  }

  /** Opens the FIFOs of every container that has a folder under `root`, as `outputPaths` names them; what cannot be opened is left. */
  holdAll(root: string): void {
    for (const containerId of foldersIn(root)) {
      try {
        this.hold(containerId, existing(outputPaths(root, containerId)));
      } catch {
        // An output that was being made or removed when the last davitd ended: the pump knows whether it still counts.
      }
    }
  }

  /** The containers that have something open. */
  get ids(): readonly string[] {
    return [...this.#held.keys()];
  }

  /** Lets go of the container's stdin, which may come to its end now. */
  releaseStdin(containerId: string): void {
    const held = this.#held.get(containerId);
    if (held?.stdin === undefined) return;
    closeSync(held.stdin);
    this.#held.set(containerId, { ...held, stdin: undefined });
  }

  release(containerId: string): void {
    this.releaseStdin(containerId);
    for (const fd of this.#held.get(containerId)?.outputs ?? []) closeSync(fd);
    this.#held.delete(containerId);
  }

  close(): void {
    for (const id of this.ids) this.release(id);
  }
}

function foldersIn(root: string): readonly string[] {
  return existsSync(root) ? readdirSync(root) : [];
}

function existing({ stdin, stdout, stderr }: Required<OutputPaths>): OutputPaths {
  return {
    stdout,
    ...(existsSync(stderr) ? { stderr } : {}),
    ...(existsSync(stdin) ? { stdin } : {}),
  };
}
