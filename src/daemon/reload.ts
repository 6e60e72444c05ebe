import { compareConfigs, formatProblem, withLiveKeys } from '../config/index.ts';
import type { CheckedConfig, Config } from '../config/index.ts';
import { messageOf } from '../engine/index.ts';
import type { EngineRuntime } from '../engine/index.ts';
import type { Logger } from '../telemetry/index.ts';

/** What became of a request to read the configuration again. */
export interface ReloadReport {
  /** `refused`: something is wrong with it, and nothing has changed. */
  readonly outcome: 'applied' | 'refused';
  /** Dotted keys that are in force from now on. */
  readonly applied: readonly string[];
  /** Dotted keys that differ from what davitd runs with, and wait for a restart. */
  readonly needRestart: readonly string[];
  /** `file:line: key: message`, one for each thing that is wrong. */
  readonly problems: readonly string[];
}

export interface ReloadDeps {
  /** Reads all of the configuration anew, flags included. */
  readonly read: () => CheckedConfig;
  readonly runtime: Pick<EngineRuntime, 'reload'>;
  readonly logger: Pick<Logger, 'level' | 'info' | 'warn' | 'error'>;
}

const DEADLINE_MS = 60_000;

/** Changes the configuration while davitd runs, as far as that goes; see the configuration's live keys. */
export class Reloader {
  readonly #deps: ReloadDeps;
  #running: Config;
  #last: Promise<unknown> = Promise.resolve();

  constructor(running: Config, deps: ReloadDeps) {
    this.#running = running;
    this.#deps = deps;
  }

  /** One after the other; each says in the log what it came to. Never rejects. */
  async reload(): Promise<ReloadReport> {
    const turn = this.#last.then(() => this.#reload());
    this.#last = turn;
    const report = await turn;
    this.#tell(report);
    return report;
  }

  async #reload(): Promise<ReloadReport> {
    const { config, problems } = this.#deps.read();
    if (config === undefined) return refused(problems.map(formatProblem));
    try {
      const held = await this.#deps.runtime.reload(
        withLiveKeys(this.#running, config),
        AbortSignal.timeout(DEADLINE_MS),
      );
      const { live, needRestart } = compareConfigs(this.#running, config, held);
      this.#running = withLiveKeys(this.#running, config, held);
      this.#deps.logger.level = this.#running.logLevel;
      return { outcome: 'applied', applied: live, needRestart, problems: [] };
    } catch (error) {
      return refused([messageOf(error)]);
    }
  }

  #tell({ outcome, applied, needRestart, problems }: ReloadReport): void {
    const { logger } = this.#deps;
    for (const problem of problems) logger.error({ problem }, 'the configuration cannot be used: nothing was changed');
    if (outcome === 'refused') return;
    logger.info({ applied }, 'the configuration was read again');
    if (needRestart.length > 0)
      logger.warn({ keys: needRestart }, 'these keys have changed and wait for a restart of davitd');
  }
}

function refused(problems: readonly string[]): ReloadReport {
  return { outcome: 'refused', applied: [], needRestart: [], problems };
}
