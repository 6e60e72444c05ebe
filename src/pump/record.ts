import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StreamName } from './line-formatter.ts';
import { parseAddParams } from './parse-params.ts';
import type { AddParams, Totals } from '../sys/pump-protocol.ts';

/** What the pump must know of a container to go on after it died. */
export interface StreamsRecord {
  readonly format: 1;
  readonly spec: AddParams;
  /** Its output is in the log to the last byte. */
  readonly ended?: Totals;
  /** Its stdin was closed for good; the FIFO is gone. */
  readonly stdinClosed?: true;
}

const FOLDER_MODE = 0o700;
const RECORD_MODE = 0o600;
const RECORD_NAME = 'record.json';

/**
 * A container's folder under the pump's state. The record's rename commits it: a folder without one is an add that was cut
 * short. Nothing is synced to disk: it must survive this process, not the machine, for the container does not either.
 */
export class StreamsFolder {
  readonly #path: string;

  constructor(root: string, id: string) {
    this.#path = join(root, id);
  }

  /** The ids of all folders under `root`. */
  static list(root: string): readonly string[] {
    mkdirSync(root, { recursive: true, mode: FOLDER_MODE });
    return readdirSync(root);
  }

  /** An empty folder; what an add that was cut short left in it is gone. */
  create(): void {
    this.remove();
    mkdirSync(this.#path, { mode: FOLDER_MODE });
  }

  journalPath(stream: StreamName): string {
    return join(this.#path, `${stream}.journal`);
  }

  get progressPath(): string {
    return join(this.#path, 'progress');
  }

  /** Undefined when the folder was never committed; throws when its record cannot be read. */
  loadRecord(): StreamsRecord | undefined {
    let text: string;
    try {
      text = readFileSync(join(this.#path, RECORD_NAME), 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    const { format, spec, ended, stdinClosed } = JSON.parse(text) as {
      format: unknown;
      spec: unknown;
      ended?: Totals;
      stdinClosed?: boolean;
    };
    if (format !== 1) throw new Error(`its record has a format that this pump does not know: ${String(format)}`);
    return {
      format,
      spec: parseAddParams(spec),
      ...(ended === undefined ? {} : { ended }),
      ...(stdinClosed === true ? { stdinClosed } : {}),
    };
  }

  saveRecord(record: StreamsRecord): void {
    const path = join(this.#path, RECORD_NAME);
    writeFileSync(`${path}.new`, JSON.stringify(record), { mode: RECORD_MODE });
    renameSync(`${path}.new`, path);
  }

  removeJournals(): void {
    for (const stream of ['stdout', 'stderr'] as const) rmSync(this.journalPath(stream), { force: true });
    rmSync(this.progressPath, { force: true });
  }

  remove(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}
