import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { closeAllOnExec } from '../../sys/close-on-exec.ts';
import { EngineError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { boundLog, openLog } from './bounded-log.ts';
import { moveToOwnCgroup } from './own-cgroup.ts';
import { findProcess, isAlive } from './process-table.ts';
import { supervisedConfig } from './supervised-paths.ts';
import type { SupervisedPaths } from './supervised-paths.ts';
import { findProgram, programPath } from './system-facts.ts';

export interface SupervisorDeps {
  readonly paths: SupervisedPaths;
  readonly logger: Logger;
}

/** A containerd that runs. */
interface Running {
  readonly pid: number;
  /** Resolves when it has ended, or when the signal is aborted. */
  ended(signal: AbortSignal): Promise<void>;
}

const PROGRAM = 'containerd';
const CGROUP = 'davit-containerd';
const STATE_DIR_MODE = 0o711;
/** First wait before a containerd that ended is started again, in ms; it doubles up to the longest. */
const FIRST_RESTART_MS = 200;
const LONGEST_RESTART_MS = 10_000;
/** A containerd that ran for so long was well: the waits begin anew. */
const HEALTHY_AFTER_MS = 30_000;
/** How often to look whether a containerd that is not our child still runs, in ms. */
const ADOPTED_POLL_MS = 500;
const LOG_CHECK_MS = 60_000;

/**
 * Keeps a containerd of our own running: adopts the one that an earlier davitd started, else starts one, and starts it
 * again whenever it ends. It lives in a session and a cgroup of its own, so that it and its containers survive us.
 */
export class Supervisor {
  readonly #deps: SupervisorDeps;
  readonly #stop = new AbortController();
  #running: Running | undefined;
  #loop: Promise<void> | undefined;
  #logTimer: NodeJS.Timeout | undefined;

  constructor(deps: SupervisorDeps) {
    this.#deps = deps;
  }

  /** Pid of the containerd; undefined while none runs. */
  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /** Resolves once a containerd runs; it may not answer yet. */
  async start(): Promise<void> {
    if (this.#loop !== undefined) return;
    const { paths } = this.#deps;
    const config = supervisedConfig(paths);
    await mkdir(paths.root, { recursive: true, mode: STATE_DIR_MODE });
    await mkdir(paths.state, { recursive: true, mode: STATE_DIR_MODE });
    await writeFile(paths.config, config);
    this.#running = this.#adopt() ?? (await this.#spawn());
    this.#loop = this.#keepRunning();
    this.#logTimer = setInterval(() => this.#boundLog(), LOG_CHECK_MS).unref();
  }

  /** Stops watching. containerd goes on. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#logTimer);
    await this.#loop;
  }

  async #keepRunning(): Promise<void> {
    const { signal } = this.#stop;
    for (let restartMs = FIRST_RESTART_MS; ; restartMs = Math.min(restartMs * 2, LONGEST_RESTART_MS)) {
      const since = Date.now();
      await this.#running?.ended(signal);
      if (signal.aborted) return;
      this.#running = undefined;
      if (Date.now() - since > HEALTHY_AFTER_MS) restartMs = FIRST_RESTART_MS;
      this.#deps.logger.warn({ log: this.#deps.paths.log, restartMs }, 'containerd has ended and is started again');
      await delay(restartMs, undefined, { signal }).catch(() => undefined); // the next line sees the abort
      if (signal.aborted) return;
      try {
        this.#running = this.#adopt() ?? (await this.#spawn());
      } catch (error) {
        this.#deps.logger.error({ error: messageOf(error) }, 'containerd does not start');
      }
    }
  }

  #adopt(): Running | undefined {
    const pid = findProcess(PROGRAM, ['--config', this.#deps.paths.config]);
    if (pid === undefined) return undefined;
    this.#deps.logger.info({ pid }, 'adopted the containerd that runs');
    return { pid, ended: (signal) => pollUntilEnded(pid, signal) };
  }

  async #spawn(): Promise<Running> {
    const { paths, logger } = this.#deps;
    const program = findProgram(PROGRAM);
    if (program === undefined) {
      throw new EngineError('failed-precondition', `no program ${PROGRAM} in ${programPath()}: install containerd`);
    }
    boundLog(paths.log);
    closeAllOnExec();
    const log = openLog(paths.log);
    const child = spawn(program, ['--config', paths.config], {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log],
      // Nothing of systemd's: a NOTIFY_SOCKET would let containerd speak for davitd.
      env: { PATH: programPath() },
    });
    closeSync(log);
    const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await once(child, 'spawn').catch((error: unknown) => {
      throw new EngineError('internal', `starting ${program}: ${messageOf(error)}`, { cause: error });
    });
    child.unref();
    const pid = child.pid ?? 0;
    await writeFile(paths.pidFile, `${pid}\n`);
    for (const error of moveToOwnCgroup(pid, CGROUP)) {
      logger.warn({ pid, error: error.message }, 'containerd stays in our cgroup: it may end with us');
    }
    logger.info({ pid, program, config: paths.config }, 'started containerd');
    return { pid, ended: (signal) => untilEither(exit, signal) };
  }

  #boundLog(): void {
    try {
      boundLog(this.#deps.paths.log);
    } catch (error) {
      this.#deps.logger.warn({ error: messageOf(error) }, "containerd's log cannot be set aside");
    }
  }
}

async function pollUntilEnded(pid: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && isAlive(pid)) {
    await delay(ADOPTED_POLL_MS, undefined, { signal, ref: false }).catch(() => undefined); // the loop sees the abort
  }
}

async function untilEither(event: Promise<void>, signal: AbortSignal): Promise<void> {
  const settled = new AbortController();
  const aborted = once(signal, 'abort', { signal: settled.signal }).catch(() => undefined);
  await Promise.race([event, signal.aborted ? undefined : aborted]);
  settled.abort();
}
