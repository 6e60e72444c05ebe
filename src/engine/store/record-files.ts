import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeDurable, writeDurable } from '../../sys/durable-file.ts';
import { messageOf } from '../errors.ts';

const SUFFIX = '.json';
const DIR_MODE = 0o700;
const FILE_MODE = 0o600;

export interface DamagedRecord {
  readonly path: string;
  readonly problem: string;
}

/** A folder with one JSON file for each object: readable with `cat`, and one bad file costs one object. */
export class RecordFiles {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async start(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: DIR_MODE });
  }

  /** Durable before it resolves. */
  async put(id: string, text: string): Promise<void> {
    await writeDurable(this.#path(id), text, FILE_MODE);
  }

  async delete(id: string): Promise<void> {
    await removeDurable(this.#path(id));
  }

  /** Decodes every file; what cannot be decoded is left where it is and told. Half-written new files are removed. */
  async load<T>(decode: (text: string) => T): Promise<{ records: readonly T[]; damaged: readonly DamagedRecord[] }> {
    const records: T[] = [];
    const damaged: DamagedRecord[] = [];
    for (const name of await readdir(this.#dir)) {
      const path = join(this.#dir, name);
      if (!name.endsWith(SUFFIX)) {
        await rm(path, { force: true });
        continue;
      }
      try {
        records.push(decode(await readFile(path, 'utf8')));
      } catch (error) {
        damaged.push({ path, problem: messageOf(error) });
      }
    }
    return { records, damaged };
  }

  #path(id: string): string {
    return join(this.#dir, id + SUFFIX);
  }
}
