import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurable } from '../sys/durable-file.ts';
import { messageOf } from './errors.ts';
import type { Logger } from './logger.ts';

/** What has happened since a davitd last ran on this node. */
export interface SinceLast {
  /** The node was restarted: nothing of what ran is left. False where nobody knows, as after the first start. */
  readonly rebooted: boolean;
  /** davitd was not stopped before the node went: what was written last may not have reached the disk. */
  readonly unclean: boolean;
}

export interface BootRecordDeps {
  /** davit's root folder. */
  readonly root: string;
  /** Id of the boot that we run in; '' where nobody knows. */
  readonly bootId: string;
  readonly logger: Logger;
}

interface Recorded {
  readonly version: 1;
  readonly bootId: string;
  /** True from a davitd's orderly end to the next start. */
  readonly clean: boolean;
  /** What a davitd that came after a restart of the node has not yet dealt with. */
  readonly owed?: SinceLast;
}

const FILE_MODE = 0o600;
const NOTHING: SinceLast = { rebooted: false, unclean: false };

/** The file `<root>/boot.json`: in which boot davitd last ran, and whether it was stopped in order. */
export class BootRecord {
  readonly #path: string;
  readonly #deps: BootRecordDeps;
  #owed: SinceLast | undefined;
  #begun = false;

  constructor(deps: BootRecordDeps) {
    this.#path = join(deps.root, 'boot.json');
    this.#deps = deps;
  }

  /** Reads what the last davitd left, and records that this one runs. */
  async begin(): Promise<SinceLast> {
    const last = await this.#read();
    const rebooted = last !== undefined && isAnother(last.bootId, this.#deps.bootId);
    const owed: SinceLast = {
      rebooted: rebooted || last?.owed?.rebooted === true,
      unclean: (rebooted && !last.clean) || last?.owed?.unclean === true,
    };
    this.#owed = owed.rebooted ? owed : undefined;
    await this.#write(false);
    this.#begun = true;
    return this.#owed ?? NOTHING;
  }

  /** What begin() told has been dealt with: a davitd that starts again in this boot need not. */
  async settled(): Promise<void> {
    if (this.#owed === undefined) return;
    this.#owed = undefined;
    await this.#write(false);
  }

  /** davitd ends in order. Nothing for one that has not begun. */
  async end(): Promise<void> {
    if (this.#begun) await this.#write(true);
  }

  async #write(clean: boolean): Promise<void> {
    const record: Recorded = {
      version: 1,
      bootId: this.#deps.bootId,
      clean,
      ...(this.#owed === undefined ? {} : { owed: this.#owed }),
    };
    await writeDurable(this.#path, JSON.stringify(record), FILE_MODE);
  }

  /** A file that cannot be read costs what it tells, not the start: what is alive shows the same, less exactly. */
  async #read(): Promise<Recorded | undefined> {
    try {
      const raw: unknown = JSON.parse(await readFile(this.#path, 'utf8'));
      if (isRecorded(raw)) return raw;
      throw new Error('it holds something else');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      this.#deps.logger.warn(
        { path: this.#path, error: messageOf(error) },
        'whether the node was restarted cannot be told',
      );
      return undefined;
    }
  }
}

/** False where one of them is not known: what is alive shows the rest. */
function isAnother(one: string, other: string): boolean {
  return one !== '' && other !== '' && one !== other;
}

function isRecorded(raw: unknown): raw is Recorded {
  if (typeof raw !== 'object' || raw === null) return false;
  const { version, bootId, clean } = { version: 0, bootId: undefined, clean: undefined, ...raw };
  return version === 1 && typeof bootId === 'string' && typeof clean === 'boolean';
}
