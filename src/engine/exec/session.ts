import type { Writable } from 'node:stream';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { within } from '../rollback.ts';
import type { ExecIds } from './exec-id.ts';
import type { ExecGroup } from './exec-group.ts';
import type { ExecExit, ExecOutputStream, ExecSession, TerminalSize } from './exec-types.ts';
import type { ExecStreams } from './exec-streams.ts';
import type { ExecProcesses } from './processes.ts';

export interface SessionDeps {
  readonly processes: Pick<ExecProcesses, 'kill' | 'resize'>;
  readonly logger: Logger;
  /** Deletes containerd's record, whatever it takes. */
  readonly deleteRecord: () => Promise<void>;
  /** Work that goes on after the session is disposed of; never rejects. */
  readonly background: (work: Promise<void>) => void;
}

/** How long the processes of a session that nobody wants any more may take to die. */
const KILL_DEADLINE_MS = 10_000;
/** Nobody waits longer than this for the last of a session's traces to go; the rest is done behind them. */
const RELEASE_WAIT_MS = 250;

/** A process that has been started. */
export class RunningExec implements ExecSession {
  readonly exit: Promise<ExecExit>;
  readonly #deps: SessionDeps;
  readonly #ids: ExecIds;
  readonly #tty: boolean;
  readonly #streams: ExecStreams;
  readonly #group: ExecGroup;
  #ended = false;
  #released: Promise<void> | undefined;

  constructor(
    deps: SessionDeps,
    parts: {
      readonly ids: ExecIds;
      readonly tty: boolean;
      readonly streams: ExecStreams;
      readonly group: ExecGroup;
      readonly exit: Promise<ExecExit>;
    },
  ) {
    this.#deps = deps;
    this.#ids = parts.ids;
    this.#tty = parts.tty;
    this.#streams = parts.streams;
    this.#group = parts.group;
    this.exit = parts.exit.then((exit) => {
      this.#ended = true;
      parts.streams.stdin?.destroy();
      return exit;
    });
    this.exit.catch(() => undefined); // whoever waits for it gets the error
  }

  get stdin(): Writable | undefined {
    return this.#streams.stdin;
  }

  get stdout(): ExecOutputStream | undefined {
    return this.#streams.stdout;
  }

  get stderr(): ExecOutputStream | undefined {
    return this.#streams.stderr;
  }

  get drained(): Promise<void> {
    return this.#streams.drained;
  }

  async resize(size: TerminalSize, signal: AbortSignal): Promise<void> {
    if (!this.#tty || this.#ended) return;
    await this.#deps.processes.resize(this.#ids, size, signal);
  }

  async kill(signal: AbortSignal): Promise<void> {
    // The shim is asked as well: a virtual machine's processes are not on this node.
    const asked = this.#deps.processes.kill(this.#ids, signal).catch((error: unknown) => {
      this.#deps.logger.debug({ ...this.#ids, error: messageOf(error) }, 'an exec was not killed by its shim');
    });
    await Promise.all([asked, this.#group.kill(signal)]);
  }

  /** No process came of it: there is nothing to kill. */
  notStarted(): void {
    this.#ended = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#released ??= this.#release();
    const waited = new AbortController();
    const timer = setTimeout(() => waited.abort(), RELEASE_WAIT_MS);
    await within(waited.signal, this.#released).catch(() => undefined); // too long: it goes on in the background
    clearTimeout(timer);
  }

  /** Never rejects: what fails is told, and the rest is freed all the same. */
  #release(): Promise<void> {
    const release = async (): Promise<void> => {
      if (!this.#ended) await this.#told('kill', () => this.#end(AbortSignal.timeout(KILL_DEADLINE_MS)));
      // The shim, which waits for its copying to end, must not find the pipes full.
      await this.#told('empty the outputs of', async () => this.#streams.dropRest());
      await this.#told('delete the record of', this.#deps.deleteRecord);
      await this.#told('close the streams of', async () => this.#streams.close());
      await this.#told('dissolve the cgroup of', () => this.#group.dissolve());
    };
    const released = release();
    this.#deps.background(released);
    return released;
  }

  async #end(signal: AbortSignal): Promise<void> {
    await this.kill(signal);
    // An exit that nobody can learn any more is one, too.
    await within(
      signal,
      this.exit.then(
        () => undefined,
        () => undefined,
      ),
    );
  }

  async #told(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#deps.logger.warn({ ...this.#ids, error: messageOf(error) }, `could not ${what} an exec`);
    }
  }
}
