import { copyFile, mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeDurable, writeDurable } from '../../sys/durable-file.ts';
import { messageOf } from '../errors.ts';

const SUFFIX = '.json';
/** A record that could not be read and was rebuilt, as it was found: for people, until the object is removed. */
const ASIDE = '.json.damaged';
/** Without it a file's name is the id of its object. */
const RECORD_NAME = /^([0-9a-f]{64})\.json$/;
const DIR_MODE = 0o700;
const FILE_MODE = 0o600;

export interface DamagedRecord {
  /** Of the object, as far as the file's name tells. */
  readonly id?: string;
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
    await rm(this.#pathAside(id), { force: true });
    await removeDurable(this.#path(id));
  }

  /** Replaces what cannot be read, and keeps it beside. */
  async replaceDamaged(id: string, text: string): Promise<void> {
    await copyFile(this.#path(id), this.#pathAside(id));
    await this.put(id, text);
  }

  /** Decodes every file; what cannot be decoded is left where it is and told. Half-written new files are removed. */
  async load<T>(decode: (text: string) => T): Promise<{ records: readonly T[]; damaged: readonly DamagedRecord[] }> {
    const records: T[] = [];
    const damaged: DamagedRecord[] = [];
    for (const name of await readdir(this.#dir)) {
      const path = join(this.#dir, name);
      if (name.endsWith(ASIDE)) continue;
      if (!name.endsWith(SUFFIX)) {
        await rm(path, { force: true });
        continue;
      }
      try {
        records.push(decode(await readFile(path, 'utf8')));
      } catch (error) {
        const id = RECORD_NAME.exec(name)?.[1];
        damaged.push({ ...(id === undefined ? {} : { id }), path, problem: messageOf(error) });
      }
    }
    return { records, damaged };
  }

  #pathAside(id: string): string {
    return join(this.#dir, id + ASIDE);
  }

  #path(id: string): string {
    return join(this.#dir, id + SUFFIX);
  }
}
