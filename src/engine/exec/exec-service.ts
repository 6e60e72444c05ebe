import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { kindOf, messageOf, withContext } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { within } from '../rollback.ts';
import { deleteRecord } from './delete-record.ts';
import { removeExecFolder } from './exec-fifos.ts';
import { ExecGroup } from './exec-group.ts';
import type { ExecCgroups } from './exec-group.ts';
import { execMark, newExecIds, parseExecId } from './exec-id.ts';
import type { ExecIds } from './exec-id.ts';
import { openExecStreams } from './exec-streams.ts';
import type { ExecStreams } from './exec-streams.ts';
import type { ExecRequest, ExecService, ExecSession, ExecTarget } from './exec-types.ts';
import { readProcNow } from './process-facts.ts';
import { execProcess, hardLocksIn } from './process-spec.ts';
import type { ExecProcesses } from './processes.ts';
import { RunningExec } from './session.ts';
import { SpecCache } from './spec-cache.ts';
import type { SpecSource } from './spec-cache.ts';
import { whenReachable } from './when-reachable.ts';
import type { Reachable } from './when-reachable.ts';

export interface ExecServiceDeps {
  /** The engine's state folder. */
  readonly state: string;
  readonly processes: ExecProcesses;
  /** The OCI spec that a container was made with. */
  readonly specs: SpecSource;
  readonly cgroups: ExecCgroups;
  readonly reachable: Reachable;
  readonly logger: Logger;
}

const FOLDER = 'exec';
const FOLDER_MODE = 0o700;
const CREATE_DEADLINE_MS = 20_000;
/** The OCI runtime's own start; on a busy node it takes a while. */
const START_DEADLINE_MS = 110_000;
/** What a former davitd left is ended within this, or told. */
const RECOVER_DEADLINE_MS = 30_000;
const CLOSE_DEADLINE_MS = 5_000;
/** What is read of an output at once. */
const SCRATCH_BYTES = 64 * 1024;
const SHOWN_COMMAND_CHARACTERS = 80;

export function createExecService(deps: ExecServiceDeps): ExecService {
  return new ShimExecs(deps);
}

class ShimExecs implements ExecService {
  readonly name = 'exec';
  readonly #deps: ExecServiceDeps;
  readonly #folder: string;
  readonly #specs: SpecSource;
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  readonly #closed = new AbortController();
  readonly #background = new Set<Promise<void>>();

  constructor(deps: ExecServiceDeps) {
    this.#deps = deps;
    this.#folder = join(deps.state, FOLDER);
    this.#specs = new SpecCache(deps.specs);
  }

  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: FOLDER_MODE });
    await chmod(this.#folder, FOLDER_MODE);
  }

  /** Sessions end with their callers; the last of their traces have some seconds. The next davitd finds what is left. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#closed.abort(), CLOSE_DEADLINE_MS);
    while (this.#background.size > 0) await Promise.all(this.#background);
    clearTimeout(timer);
    this.#closed.abort();
  }

  async open(target: ExecTarget, request: ExecRequest, signal: AbortSignal): Promise<ExecSession> {
    signal.throwIfAborted();
    // A start is not cut short, for half a process would be nobody's: when the caller goes it is undone behind it.
    const opening = this.#open(target, request);
    try {
      return await within(signal, opening);
    } catch (error) {
      if (signal.aborted) this.#later(opening.then((session) => session[Symbol.asyncDispose]()));
      throw error;
    }
  }

  async recover(targetOf: (containerId: string) => ExecTarget | undefined): Promise<void> {
    // Listed now, before a new exec has its folder; ended in the background.
    for (const name of await readdir(this.#folder)) this.#later(this.#end(name, targetOf));
  }

  async #open(target: ExecTarget, request: ExecRequest): Promise<ExecSession> {
    const { processes } = this.#deps;
    const ids = newExecIds(target.id);
    let streams: ExecStreams | undefined;
    try {
      streams = openExecStreams({
        folder: join(this.#folder, ids.execId),
        request,
        scratch: this.#scratch,
        closeStdin: () => this.#retried(this.#closed.signal, (signal) => processes.closeStdin(ids, signal)),
      });
      await this.#create(target, request, ids, streams);
    } catch (error) {
      streams?.close();
      // What took too long may have been done.
      if (!isRefusal(error)) this.#later(deleteRecord(this.#deps, ids, this.#closed.signal));
      throw explain(error, target, request);
    }
    const group = new ExecGroup(this.#deps, target, ids);
    const watch = new AbortController();
    const session = this.#session({ ids, tty: request.tty, streams, group, watch });
    try {
      group.begin(await processes.start(ids, AbortSignal.timeout(START_DEADLINE_MS)));
      return session;
    } catch (error) {
      if (isRefusal(error)) session.notStarted();
      await session[Symbol.asyncDispose]();
      throw explain(error, target, request);
    }
  }

  async #create(target: ExecTarget, request: ExecRequest, ids: ExecIds, { io }: ExecStreams): Promise<void> {
    const signal = AbortSignal.timeout(CREATE_DEADLINE_MS);
    const process = execProcess({
      spec: await this.#specs.spec(target.id, signal),
      containerId: target.id,
      cmd: request.cmd,
      tty: request.tty,
      size: request.size,
      cpuAffinity: target.cpuAffinity,
      mark: execMark(ids),
      hardLocks: hardLocksIn(readProcNow(target.pid, 'limits') ?? ''),
    });
    await this.#deps.processes.create(ids, { spec: process, tty: request.tty, io }, signal);
  }

  /** The exit is watched from here on, before the start. */
  #session(parts: {
    readonly ids: ExecIds;
    readonly tty: boolean;
    readonly streams: ExecStreams;
    readonly group: ExecGroup;
    readonly watch: AbortController;
  }): RunningExec {
    const { ids, watch } = parts;
    const { processes, logger } = this.#deps;
    const signal = AbortSignal.any([watch.signal, this.#closed.signal]);
    const exit = this.#retried(signal, async () => ({ exitCode: await processes.wait(ids, signal) }));
    const deps = {
      processes,
      logger,
      background: (work: Promise<void>) => this.#later(work),
      deleteRecord: async () => {
        await deleteRecord(this.#deps, ids, this.#closed.signal);
        watch.abort();
      },
    };
    return new RunningExec(deps, { ...parts, exit });
  }

  async #retried<T>(signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return await whenReachable(this.#deps.reachable, signal, () => call(signal));
  }

  async #end(name: string, targetOf: (containerId: string) => ExecTarget | undefined): Promise<void> {
    const ids = parseExecId(name);
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(RECOVER_DEADLINE_MS)]);
    try {
      if (ids !== undefined) {
        const target = targetOf(ids.containerId);
        await this.#deps.processes.kill(ids, signal);
        if (target !== undefined) {
          const group = new ExecGroup(this.#deps, target, ids);
          await group.kill(signal);
          await group.dissolve();
        }
        await deleteRecord(this.#deps, ids, signal);
      }
      removeExecFolder(join(this.#folder, name));
    } catch (error) {
      this.#deps.logger.warn({ exec: name, error: messageOf(error) }, 'an exec of a former davitd was not ended');
    }
  }

  /** Whoever began the work has told of its failure. */
  #later(work: Promise<void>): void {
    const done = work.catch(() => undefined).finally(() => this.#background.delete(done));
    this.#background.add(done);
  }
}

/** What was answered, and not merely lost on its way: no process came of it. */
function isRefusal(error: unknown): boolean {
  return !['unavailable', 'deadline-exceeded', 'cancelled'].includes(kindOf(error));
}

function explain(error: unknown, target: ExecTarget, { cmd }: ExecRequest): Error {
  const command = JSON.stringify((cmd[0] ?? '').slice(0, SHOWN_COMMAND_CHARACTERS));
  return withContext(error, `exec ${command} in container ${target.id}`);
}
