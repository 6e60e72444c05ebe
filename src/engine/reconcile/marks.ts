import { lstat, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerId, SandboxId } from '../ids.ts';
import { parseContainerId, parseSandboxId } from '../ids.ts';

/** What a davitd made in this boot of the node. */
export interface Mark {
  /** A container's, or a sandbox's own. */
  readonly id: ContainerId | SandboxId;
  readonly sandboxId: SandboxId;
  /** The container's cgroup, or the parent of the pod's. */
  readonly cgroupPath: string;
  readonly madeAtMs: number;
}

const FOLDER = 'marks';
const FOLDER_MODE = 0o700;

/**
 * Tells davit's own cgroups and shims from others': neither can carry a label, their names are bare ids, and more than
 * one davit, or containerd's own CRI, may make some below the same parent. A mark is a symlink `<state>/marks/<id>` to
 * `<sandbox id><cgroup path>`: made before what it is for, and gone with the boot, as cgroups and shims are.
 */
export class Marks {
  readonly #dir: string;
  readonly #marks = new Map<string, Mark>();

  constructor(state: string) {
    this.#dir = join(state, FOLDER);
  }

  /** Reads those that are there. */
  async start(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: FOLDER_MODE });
    for (const name of await readdir(this.#dir)) {
      const mark = await this.#read(name);
      if (mark !== undefined) this.#marks.set(mark.id, mark);
    }
  }

  get(id: string): Mark | undefined {
    return this.#marks.get(id);
  }

  all(): readonly Mark[] {
    return [...this.#marks.values()];
  }

  /** One that is there already stays. */
  async put(id: ContainerId | SandboxId, sandboxId: SandboxId, cgroupPath: string): Promise<void> {
    if (this.#marks.has(id)) return;
    await symlink(sandboxId + cgroupPath, join(this.#dir, id)).catch(unless('EEXIST'));
    this.#marks.set(id, { id, sandboxId, cgroupPath, madeAtMs: Date.now() });
  }

  async delete(id: string): Promise<void> {
    if (!this.#marks.delete(id)) return;
    await rm(join(this.#dir, id), { force: true });
  }

  async #read(name: string): Promise<Mark | undefined> {
    try {
      const path = join(this.#dir, name);
      const target = await readlink(path);
      const slash = target.indexOf('/');
      return {
        id: parseContainerId(name, 'file name'),
        sandboxId: parseSandboxId(target.slice(0, slash), 'sandbox'),
        cgroupPath: target.slice(slash),
        madeAtMs: (await lstat(path)).mtimeMs,
      };
    } catch {
      return undefined; // nothing of ours
    }
  }
}

function unless(code: string): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof Error && 'code' in error && error.code === code)) throw error;
  };
}
