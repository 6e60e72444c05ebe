import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  LOCK_NAME,
  OLDEST_PROTOCOL_VERSION,
  PROTOCOL_VERSION,
  PUMP_FOLDER,
  SOCKET_NAME,
  type Hello,
} from '../../sys/pump-protocol.ts';
import { EngineError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { LaunchedPump, LaunchMoment } from './launcher.ts';
import type { PumpHealth } from './log-service.ts';
import { isOutdated, type PumpProgram } from './pump-age.ts';
import { ConnectionLost, PumpConnection } from './pump-connection.ts';
import { lockHolder, sampleLoop } from './pump-process.ts';
import { PumpWatch } from './pump-watch.ts';
import type { WatchTimes } from './pump-watch.ts';

export interface PumpLinkDeps {
  readonly state: string;
  readonly logger: Logger;
  /** davitd's own pump program, as it is now. */
  readonly own: () => Promise<PumpProgram>;
  readonly launch: (moment: LaunchMoment) => LaunchedPump;
  readonly watch: WatchTimes;
  /** Called with each new connection before anybody else may use it; a failure is logged. */
  readonly onConnected: (connection: PumpConnection) => Promise<void>;
  /** The pump has let go of a container's stdin for good. */
  readonly onStdinClosed: (id: string) => void;
}

/** From a pump's start to its first answer, at most. */
const START_DEADLINE_MS = 10_000;
const POLL_INTERVAL_MS = 10;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 3000;

/**
 * Keeps a connection to the node's pump: finds it or starts it, replaces one of another build or that hangs, and does so
 * again whenever it is gone, until closed.
 */
export class PumpLink {
  readonly #deps: PumpLinkDeps;
  readonly socketPath: string;
  readonly #closing = new AbortController();
  readonly #watch: PumpWatch;
  #ready = Promise.withResolvers<PumpConnection>();
  #connection: PumpConnection | undefined;
  #keeping: Promise<void> | undefined;
  #problem = 'it was not asked yet';
  /** The pump that was started last: it is davitd's own, whatever it says. */
  #launchedPid: number | undefined;
  /** One that could not be replaced. */
  #keptPid: number | undefined;
  /** The pump that takes over from one that has let go. */
  #successor: LaunchedPump | undefined;
  #hasLooked = false;

  constructor(deps: PumpLinkDeps) {
    this.#deps = deps;
    const folder = join(deps.state, PUMP_FOLDER);
    this.socketPath = join(folder, SOCKET_NAME);
    this.#watch = new PumpWatch({
      logger: deps.logger,
      times: deps.watch,
      holder: () => lockHolder(join(folder, LOCK_NAME)),
      sample: sampleLoop,
      ask: () => this.#connection?.hello(),
      problem: () => this.#problem,
      hung: (pid) => this.#replaceHung(pid),
    });
  }

  start(): void {
    this.#keeping ??= this.#keep();
    this.#watch.start();
  }

  get health(): PumpHealth {
    return this.#watch.health;
  }

  /** Lets go of the connection; the pump stays. */
  async close(): Promise<void> {
    this.#problem = 'davitd has let go of it';
    this.#closing.abort();
    this.#watch.close();
    this.#connection?.close();
    await this.#keeping;
  }

  /**
   * Runs `work` with the connection, again with the next one when that one is lost: it must be safe to repeat. Waits for a
   * pump until the signal aborts: that is `unavailable`, and says why there is none.
   */
  async use<T>(what: string, signal: AbortSignal, work: (connection: PumpConnection) => Promise<T>): Promise<T> {
    for (;;) {
      const connection = await this.#connected(what, signal);
      try {
        return await unlessAborted(signal, () => work(connection));
      } catch (error) {
        if (error instanceof ConnectionLost) continue;
        if (signal.aborted && !(error instanceof EngineError)) throw gaveUp(what, this.health, signal);
        throw error;
      }
    }
  }

  async #connected(what: string, signal: AbortSignal): Promise<PumpConnection> {
    try {
      return await unlessAborted(AbortSignal.any([signal, this.#closing.signal]), () => this.#ready.promise);
    } catch (error) {
      if (signal.aborted && signal.reason?.name !== 'TimeoutError') {
        throw new EngineError('cancelled', `${what}: cancelled while davit-pump was away`, { cause: error });
      }
      throw new EngineError(
        'unavailable',
        `${what}: davit-pump cannot be reached: ${this.health.problem ?? this.#problem}`,
        { cause: error },
      );
    }
  }

  async #keep(): Promise<void> {
    const { signal } = this.#closing;
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      try {
        const connection = await this.#establish();
        retryMs = FIRST_RETRY_MS;
        await this.#hold(connection);
      } catch (error) {
        if (signal.aborted) return;
        this.#problem = messageOf(error);
        this.#deps.logger.error({ error: this.#problem, retryMs }, 'davit-pump cannot be reached; trying again');
        await sleep(retryMs, undefined, { signal }).catch(() => undefined);
        retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
      }
    }
  }

  /** From a connection's beginning to its end. */
  async #hold(connection: PumpConnection): Promise<void> {
    this.#connection = connection;
    let published = false;
    try {
      if (this.#closing.signal.aborted) return;
      this.#problem = 'it does not answer';
      const peer = await connection.hello();
      const { pid, version, protocol } = peer;
      const isUnderstood = protocol >= OLDEST_PROTOCOL_VERSION && protocol <= PROTOCOL_VERSION;
      // Before the pump is replaced: davitd's ends of the FIFOs keep what comes until the next one reads.
      if (isUnderstood) await this.#deps.onConnected(connection);
      if (await this.#replace(peer, connection)) return;
      if (!isUnderstood) {
        throw new Error(
          `davit-pump (pid ${pid}, ${version}) speaks protocol ${protocol}, davitd ${OLDEST_PROTOCOL_VERSION} to ${PROTOCOL_VERSION}`,
        );
      }
      this.#deps.logger.info({ pid, version }, 'connected to davit-pump');
      this.#ready.resolve(connection);
      this.#successor = undefined; // it is this one, or it came too late
      published = true;
      const reason = await connection.closed;
      if (this.#closing.signal.aborted) return;
      this.#problem = reason.message;
      this.#deps.logger.warn({ pid, reason: reason.message }, 'lost davit-pump; connecting again');
    } finally {
      if (published) this.#ready = Promise.withResolvers(); // else those who wait go on waiting for the first one
      this.#connection = undefined;
      connection.close();
    }
  }

  /** Starts davitd's own pump in the place of an outdated one; false where the running one stays. */
  async #replace(running: Hello, connection: PumpConnection): Promise<boolean> {
    const { pid, version } = running;
    if (pid === this.#launchedPid || pid === this.#keptPid) return false;
    const { logger } = this.#deps;
    const own = await this.#deps.own().catch((error: unknown) => {
      logger.error({ error: messageOf(error) }, "davitd's own davit-pump cannot be read; the running one stays");
      return undefined;
    });
    if (own === undefined || !isOutdated(running, own)) return false;
    const next = this.#launch({ replaces: pid });
    logger.info({ pid, version, next: next.pid }, 'davit-pump is of another build; the next one takes over');
    const failed = next.ended.then((why) => `ended with ${why}`);
    const tooLate = sleep(START_DEADLINE_MS, `is not done after ${START_DEADLINE_MS} ms`, {
      signal: this.#closing.signal,
    });
    const problem = await Promise.race([connection.closed.then(() => undefined), failed, tooLate]);
    if (problem === undefined) {
      this.#successor = next;
      return true;
    }
    this.#keptPid = pid;
    logger.error(
      { pid, version, problem, log: next.logPath },
      'davit-pump could not be replaced; the running one stays',
    );
    return false;
  }

  /** Starts the next pump, which ends one that hangs; its connection breaks then, and is made anew. */
  #replaceHung(pid: number): void {
    if (this.#successor !== undefined) return; // one is about to
    let next: LaunchedPump;
    try {
      next = this.#launch({ replaces: pid });
    } catch (error) {
      return this.#deps.logger.error({ pid, error: messageOf(error) }, 'no davit-pump can be started in its place');
    }
    this.#successor = next;
    void next.ended.then((why) => {
      if (this.#successor !== next) return;
      this.#successor = undefined;
      this.#deps.logger.error({ pid, next: next.pid, why, log: next.logPath }, 'davit-pump could not be replaced');
    });
  }

  async #open(): Promise<PumpConnection> {
    return await PumpConnection.open(this.socketPath, this.#deps.onStdinClosed);
  }

  async #establish(): Promise<PumpConnection> {
    const successor = this.#successor;
    this.#successor = undefined;
    const running = await this.#open().catch(() => undefined);
    const unguarded = !this.#hasLooked;
    this.#hasLooked = true;
    if (running !== undefined) return running;
    const pump = successor ?? this.#launch({ unguarded });
    let ended: string | undefined;
    void pump.ended.then((why) => {
      ended = why;
    });
    const deadline = performance.now() + START_DEADLINE_MS;
    for (;;) {
      await sleep(POLL_INTERVAL_MS, undefined, { signal: this.#closing.signal });
      try {
        return await this.#open();
      } catch (error) {
        // Ended may mean that another pump was faster: then its socket appears.
        if (performance.now() < deadline && ended === undefined) continue;
        const fate = ended === undefined ? `does not listen after ${START_DEADLINE_MS} ms` : `ended with ${ended}`;
        throw new Error(`davit-pump was started and ${fate}; ${pump.logPath} says more`, { cause: error });
      }
    }
  }

  #launch(moment: LaunchMoment): LaunchedPump {
    const pump = this.#deps.launch(moment);
    this.#launchedPid = pump.pid;
    void pump.ended.then((why) => this.#deps.logger.warn({ pid: pump.pid, why }, 'davit-pump ended'));
    return pump;
  }
}

/** The work's outcome, or the signal's reason when that comes first. */
async function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work(), aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function gaveUp(what: string, { problem }: PumpHealth, signal: AbortSignal): EngineError {
  const kind = signal.reason?.name === 'TimeoutError' ? 'deadline-exceeded' : 'cancelled';
  const more = problem === undefined ? '' : `: ${problem}`;
  return new EngineError(kind, `${what}: no answer from davit-pump${more}`, { cause: signal.reason });
}
