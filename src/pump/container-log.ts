import type { AddParams } from '../sys/pump-protocol.ts';
import { LogFile } from './log-file.ts';
import type { FileIdentity } from './progress.ts';
import { PumpError } from './pump-error.ts';
import type { PumpLog } from './pump-log.ts';
import type { Transcript } from './transcript.ts';

export interface ContainerLogDeps {
  readonly log: PumpLog;
  /** Throws already-exists when another container's output goes to this file. */
  readonly claimLog: (id: string, path: string, identity: FileIdentity) => void;
}

/** The file that one container's output is written to, and how it is found again after a rotation or a crash. */
export class ContainerLog {
  readonly #spec: AddParams;
  readonly #transcript: Transcript;
  readonly #deps: ContainerLogDeps;
  #file: LogFile | undefined;

  /** `file` is there for a container that has just been made; one that was taken over is found by settle(). */
  constructor(spec: AddParams, transcript: Transcript, deps: ContainerLogDeps, file: LogFile | undefined) {
    this.#spec = spec;
    this.#transcript = transcript;
    this.#deps = deps;
    this.#file = file;
  }

  get identity(): FileIdentity | undefined {
    return this.#file?.identity;
  }

  /** Finds the file and how far it is, where that is not known. */
  settle(): void {
    if (this.#spec.log !== undefined && this.#file === undefined) this.#find(this.#spec.log);
    if (this.#transcript.uncertain) this.#reconcile();
  }

  /**
   * Goes on in a new file at the log's path. Throws, with the old one still in use, when it cannot be opened. `guard` is
   * for what may fail of the old one, which does not keep the new one from being used.
   */
  reopen(guard: (work: () => void) => void): void {
    const { id, log: path } = this.#spec;
    if (path === undefined) throw new PumpError('failed-precondition', `container ${id} has no log to reopen`);
    const next = LogFile.open(path);
    try {
      this.#deps.claimLog(id, path, next.identity);
      if (this.#transcript.uncertain && this.#file !== undefined) guard(() => this.#reconcile());
      this.#transcript.continueIn(next);
    } catch (error) {
      next.close();
      throw error;
    }
    this.close();
    this.#file = next;
  }

  close(): void {
    this.#file?.close();
  }

  /**
   * The log that the last pump wrote to, also under another name: it was rotated and nobody has asked for a new one yet, and
   * the kubelet takes the rotation back when it cannot get one.
   */
  #find(path: string): void {
    const { savedLog } = this.#transcript;
    const old = savedLog === undefined ? undefined : LogFile.find(path, savedLog);
    const file = old ?? LogFile.open(path);
    if (old === undefined) this.#transcript.continueIn(file);
    else this.#transcript.attach(old);
    this.#file = file;
  }

  #reconcile(): void {
    const { tornBytes, foreignLines } = this.#transcript.reconcile();
    const fields = { container: this.#spec.id, path: this.#spec.log };
    if (tornBytes > 0) this.#deps.log.info('cut an unfinished line off the log', { ...fields, bytes: tornBytes });
    if (foreignLines > 0) {
      this.#deps.log.warn('somebody else writes to the log, too', { ...fields, lines: foreignLines });
    }
  }
}
