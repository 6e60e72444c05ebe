import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ATTACH_PROTOCOL_VERSION, PIPE_BYTES, type AddParams, type StreamsInfo } from '../../sys/pump-protocol.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { openAttachment } from './attachment.ts';
import { launchPump, type LaunchOptions } from './launcher.ts';
import type {
  AttachStreams,
  HeldOutput,
  LogAttachment,
  LogService,
  OutputPaths,
  OutputSpec,
  OutputTotals,
  PumpHealth,
  PumpStatus,
} from './log-service.ts';
import type { PumpConnection } from './pump-connection.ts';
import { pumpProgram } from './pump-age.ts';
import { PumpLink } from './pump-link.ts';
import { WATCH_TIMES } from './pump-watch.ts';
import type { WatchTimes } from './pump-watch.ts';
import { outputPaths, Standby } from './standby.ts';

export interface LogServiceDeps extends LaunchOptions {
  /** Bytes of a log line's content at most; longer lines are cut into partial ones. */
  readonly maxLineBytes: number;
  /**
   * Called when the pump and davitd have let go of a container's stdin for good, and again whenever a pump is found that
   * has: whoever else holds a writer of it must let go, too.
   */
  readonly onStdinClosed: (containerId: string) => void;
  readonly logger: Logger;
  /** When a pump counts as one that hangs; absent: WATCH_TIMES. */
  readonly watch?: WatchTimes;
}

/** Each container's FIFOs are in a folder here, under davitd's state. */
const IO_FOLDER = 'io';
const FOLDER_MODE = 0o700;
const RELEASE_DEADLINE_MS = 10_000;
/** For who starts or attaches: one that is stopped is replaced sooner, and of one that is slow it is better to be told. */
const ANSWER_DEADLINE_MS = 20_000;

/** Makes the service; nothing starts before its `start`. */
export function createLogService(deps: LogServiceDeps): LogService {
  return new PumpLogService(deps);
}

class PumpLogService implements LogService {
  readonly name = 'log';
  readonly #deps: LogServiceDeps;
  readonly #standby = new Standby();
  readonly #link: PumpLink;
  readonly #ioRoot: string;

  constructor(deps: LogServiceDeps) {
    this.#deps = deps;
    this.#ioRoot = join(deps.state, IO_FOLDER);
    this.#link = new PumpLink({
      state: deps.state,
      logger: deps.logger,
      own: () => pumpProgram(deps.entry, deps.version),
      launch: (moment) => launchPump(deps, moment),
      watch: deps.watch ?? WATCH_TIMES,
      onConnected: (connection) => this.#adopt(connection),
      onStdinClosed: (id) => this.#stdinClosed(id),
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#standby.holdAll(this.#ioRoot); // before a pump is found: the one that dies meanwhile takes nothing along
    this.#link.start();
    await this.status(signal);
  }

  get health(): PumpHealth {
    return this.#link.health;
  }

  async close(): Promise<void> {
    await this.#link.close();
    this.#standby.close();
  }

  async prepare(spec: OutputSpec, signal: AbortSignal): Promise<OutputPaths> {
    const { containerId, logPath } = spec;
    await mkdir(this.#folderOf(containerId), { recursive: true, mode: FOLDER_MODE });
    const { stdin, stdout, stderr } = outputPaths(this.#ioRoot, containerId);
    const paths = { stdout, ...(spec.tty ? {} : { stderr }), ...(spec.stdin ? { stdin } : {}) };
    const params: AddParams = {
      id: containerId,
      ...paths,
      ...(logPath === undefined ? {} : { log: logPath }),
      tty: spec.tty,
      stdinOnce: spec.stdinOnce,
      maxLine: this.#deps.maxLineBytes,
      pipeBytes: PIPE_BYTES,
    };
    const what = `output of container ${containerId}`;
    await this.#link.use(what, patient(signal), (pump) => pump.request('add', params));
    this.#standby.hold(containerId, paths);
    return paths;
  }

  async ended(containerId: string, signal: AbortSignal): Promise<OutputTotals> {
    const what = `the end of container ${containerId}'s output`;
    const totals = await this.#link.use(what, signal, (pump) => pump.finish(containerId, signal));
    this.#standby.release(containerId);
    return totals;
  }

  async reopen(containerId: string, signal: AbortSignal): Promise<void> {
    const what = `new log of container ${containerId}`;
    await this.#link.use(what, patient(signal), (pump) => pump.request('reopen', { id: containerId }));
  }

  async attach(containerId: string, streams: AttachStreams, signal: AbortSignal): Promise<LogAttachment> {
    const what = `attach to container ${containerId}`;
    const opening = patient(signal);
    return await this.#link.use(what, opening, async (pump) => {
      pump.demand(ATTACH_PROTOCOL_VERSION, what);
      return await openAttachment(this.#link.socketPath, { id: containerId, ...streams }, opening);
    });
  }

  async release(containerId: string): Promise<void> {
    const signal = AbortSignal.timeout(RELEASE_DEADLINE_MS);
    const what = `release of container ${containerId}'s output`;
    const params = { id: containerId, force: true };
    const { lostBytes } = await this.#link.use(what, signal, (pump) => pump.request('remove', params));
    if (lostBytes > 0) this.#deps.logger.warn({ container: containerId, lostBytes }, 'output was dropped');
    this.#standby.release(containerId);
    await rmdir(this.#folderOf(containerId)).catch(() => undefined); // gone already, or never made
  }

  async held(signal: AbortSignal): Promise<readonly HeldOutput[]> {
    const { streams } = await this.#link.use('list of outputs', signal, (pump) => pump.request('list', {}));
    return streams.map(({ id, state, totals, problem }) => ({
      containerId: id,
      state,
      totals,
      ...(problem === undefined ? {} : { problem }),
    }));
  }

  async status(signal: AbortSignal): Promise<PumpStatus> {
    return await this.#link.use('status', signal, (pump) => pump.request('status', {}));
  }

  /** Whatever this davitd or a former one has left to the pump gets its standby ends. */
  async #adopt(pump: PumpConnection): Promise<void> {
    const { streams } = await pump.request('list', {});
    for (const info of streams) {
      if (info.state === 'open') this.#holdAgain(info);
      else this.#standby.release(info.id);
    }
    const known = new Set(streams.map(({ id }) => id));
    for (const container of this.#standby.ids.filter((id) => !known.has(id))) {
      this.#deps.logger.error({ container }, 'davit-pump no longer knows this container; its output is not read');
    }
  }

  #holdAgain({ id, spec, stdinClosed }: StreamsInfo): void {
    if (spec === undefined) return;
    try {
      const { stdout, stderr, stdin } = spec;
      this.#standby.hold(id, {
        stdout,
        ...(stderr === undefined ? {} : { stderr }),
        ...(stdin === undefined || stdinClosed === true ? {} : { stdin }),
      });
      if (stdinClosed === true) this.#stdinClosed(id);
    } catch (error) {
      this.#deps.logger.error({ container: id, error: messageOf(error) }, 'no standby end of its output');
    }
  }

  #stdinClosed(id: string): void {
    this.#standby.releaseStdin(id);
    this.#deps.onStdinClosed(id);
  }

  #folderOf(containerId: string): string {
    return join(this.#ioRoot, containerId);
  }
}

function patient(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ANSWER_DEADLINE_MS)]);
}
