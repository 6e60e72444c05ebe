import type { Logger } from '../logger.ts';
import type { PumpHealth } from './log-service.ts';
import type { LoopSample } from './pump-process.ts';

/**
 * All times are counted in ticks of this process, a late one as one tick: time in which the machine was paused, or nobody
 * got a processor, is not held against the pump.
 */
export interface WatchTimes {
  /** The pump is asked for a sign of life so often. */
  readonly tickMs: number;
  /** Silence that is worth telling. */
  readonly noticeMs: number;
  /** Silence of a process that a signal or a debugger has stopped: slowness does not look like that. */
  readonly stoppedMs: number;
  /** … of one that sleeps on something, and uses no processor time at all while it is asked. */
  readonly asleepMs: number;
  /** Processor time that the loop uses without answering: more than thousands of answers take. */
  readonly busyMs: number;
  /** From one replacement to the next, at least: twice as long each time, up to the last. */
  readonly firstPauseMs: number;
  readonly lastPauseMs: number;
}

export const WATCH_TIMES: WatchTimes = {
  tickMs: 2000,
  noticeMs: 6000,
  stoppedMs: 6000,
  asleepMs: 30_000,
  busyMs: 30_000,
  firstPauseMs: 60_000,
  lastPauseMs: 16 * 60_000,
};

export interface PumpWatchDeps {
  readonly logger: Logger;
  readonly times: WatchTimes;
  /** The process that has the pump's lock, also one that cannot be spoken to. It may have ended. */
  readonly holder: () => number | undefined;
  /** Undefined for a process that has ended. */
  readonly sample: (pid: number) => LoopSample | undefined;
  /** Asks the pump for a sign of life; undefined while there is no connection to ask over. Rejects when that is lost. */
  readonly ask: () => Promise<unknown> | undefined;
  /** Why there is no pump to be asked. */
  readonly problem: () => string;
  /** Called when a pump hangs: it lives, and will not answer any more. */
  readonly hung: (pid: number) => void;
}

/** What was seen of one process since it answered last. */
interface Evidence {
  readonly pid: number;
  readonly last: LoopSample;
  readonly firstCpuMs: number;
  readonly stoppedMs: number;
  readonly asleepMs: number;
}

/** Silence is told again so often. */
const TELL_INTERVAL_MS = 60_000;

/**
 * Watches whether the pump answers, and tells one that hangs from one that is slow. It hangs when it is stopped, when it
 * sleeps through being asked, or when it computes without end. Slow is what waits for a disk (state D) or for a processor
 * (state R, using little): another one in its place would be as slow, so it is told and left alone.
 */
export class PumpWatch {
  readonly #deps: PumpWatchDeps;
  #timer: NodeJS.Timeout | undefined;
  /** The one that is not answered yet. */
  #question: object | undefined;
  /** Since the last tick. */
  #answered = false;
  #silentMs = 0;
  #toldMs = 0;
  #evidence: Evidence | undefined;
  #replacements = 0;
  #pauseMs = 0;
  #sinceReplacementMs = 0;

  constructor(deps: PumpWatchDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.tick(), this.#deps.times.tickMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  get health(): PumpHealth {
    const { times } = this.#deps;
    return {
      silentMs: this.#silentMs,
      replacements: this.#replacements,
      ...(this.#silentMs < times.noticeMs ? {} : { problem: this.#describe() }),
    };
  }

  /** Once every `tickMs`. */
  tick(): void {
    const { tickMs, lastPauseMs } = this.#deps.times;
    this.#sinceReplacementMs += tickMs;
    if (this.#sinceReplacementMs > 2 * lastPauseMs) this.#pauseMs = 0;
    if (this.#answered) this.#hasAnswered();
    else this.#isSilent();
    if (this.#question === undefined) this.#ask();
  }

  #ask(): void {
    const question = {};
    const answer = this.#deps.ask();
    if (answer === undefined) return;
    this.#question = question;
    const isOver = (answered: boolean): void => {
      if (this.#question !== question) return;
      this.#question = undefined;
      this.#answered = answered;
    };
    answer.then(
      () => isOver(true),
      () => isOver(false), // the next connection is asked
    );
  }

  #hasAnswered(): void {
    const { logger } = this.#deps;
    if (this.#toldMs > 0) logger.info({ silentMs: this.#silentMs }, 'davit-pump answers again');
    this.#answered = false;
    this.#silentMs = 0;
    this.#toldMs = 0;
    this.#evidence = undefined;
  }

  #isSilent(): void {
    const { times, holder, sample } = this.#deps;
    this.#silentMs += times.tickMs;
    const pid = holder();
    const seen = pid === undefined ? undefined : sample(pid);
    this.#evidence = pid === undefined || seen === undefined ? undefined : next(this.#evidence, pid, seen, times);
    this.#tell();
    const why = this.#evidence === undefined ? undefined : hangs(this.#evidence, times);
    if (why !== undefined && this.#sinceReplacementMs >= this.#pauseMs) this.#replace(this.#evidence?.pid ?? 0, why);
  }

  #tell(): void {
    const { logger, times } = this.#deps;
    if (this.#silentMs < (this.#toldMs === 0 ? times.noticeMs : this.#toldMs + TELL_INTERVAL_MS)) return;
    this.#toldMs = this.#silentMs;
    logger.warn({ problem: this.#describe() }, 'davit-pump does not answer; what needs it waits');
  }

  #replace(pid: number, why: string): void {
    const { logger, times, hung } = this.#deps;
    this.#replacements += 1;
    this.#sinceReplacementMs = 0;
    this.#pauseMs = this.#pauseMs === 0 ? times.firstPauseMs : Math.min(2 * this.#pauseMs, times.lastPauseMs);
    this.#evidence = undefined;
    logger.error({ pid, silentMs: this.#silentMs, why, notAgainWithinMs: this.#pauseMs }, 'davit-pump hangs');
    hung(pid);
  }

  #describe(): string {
    if (this.#evidence === undefined) return this.#deps.problem();
    const { pid, last } = this.#evidence;
    const where = last.waitsIn === '' ? '' : `, in ${last.waitsIn}`;
    return `it has not answered for ${this.#silentMs / 1000} s (pid ${pid}, state ${last.state}${where})`;
  }
}

function next(evidence: Evidence | undefined, pid: number, seen: LoopSample, { tickMs }: WatchTimes): Evidence {
  const before = evidence?.pid === pid ? evidence : { firstCpuMs: seen.cpuMs, stoppedMs: 0, asleepMs: 0, last: seen };
  const isStopped = seen.state === 'T' || seen.state === 't';
  const isAsleep = seen.state === 'S' && seen.cpuMs === before.last.cpuMs;
  return {
    pid,
    last: seen,
    firstCpuMs: before.firstCpuMs,
    stoppedMs: isStopped ? before.stoppedMs + tickMs : 0,
    asleepMs: isAsleep ? before.asleepMs + tickMs : 0,
  };
}

/** Why the process will not answer any more; undefined for one that may be slow. */
function hangs({ last, firstCpuMs, stoppedMs, asleepMs }: Evidence, times: WatchTimes): string | undefined {
  if (stoppedMs >= times.stoppedMs) return 'a signal or a debugger has stopped it';
  if (asleepMs >= times.asleepMs) return 'it sleeps, and what it is asked does not wake it';
  const busyMs = last.cpuMs - firstCpuMs;
  return busyMs >= times.busyMs ? `it has computed for ${busyMs / 1000} s without looking up` : undefined;
}
