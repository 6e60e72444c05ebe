import type { AddParams } from '../sys/pump-protocol.ts';
import type { Counters } from './counters.ts';
import { messageOf } from './pump-error.ts';
import type { PumpLog } from './pump-log.ts';
import { Stall } from './stall.ts';

export interface StallGuardDeps {
  readonly spec: AddParams;
  readonly counters: Counters;
  readonly log: PumpLog;
  /** What is tried again until it does not throw: then the output may move. */
  readonly catchUp: () => void;
  /** The output may move again. */
  readonly onMoves: () => void;
}

/**
 * Stands between one container's output and what fails of its log and journals: the container waits until it works, so
 * that nothing is lost, and other containers go on.
 */
export class StallGuard {
  readonly #deps: StallGuardDeps;
  #stall: Stall | undefined;
  #closed = false;

  constructor(deps: StallGuardDeps) {
    this.#deps = deps;
  }

  /** Why the output does not move; undefined when it does. */
  get problem(): string | undefined {
    return this.#stall?.problem;
  }

  /** Runs `work`; when it throws, the output waits. */
  run(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#begin(error);
    }
  }

  /** Does not wait for the next try, where one is planned. */
  retry(): void {
    const stall = this.#stall;
    if (stall === undefined || this.#closed) return;
    try {
      this.#deps.catchUp();
    } catch {
      return stall.schedule(); // its problem is told already
    }
    this.#stall = undefined;
    const stalledMs = Math.round(stall.end());
    const { spec, counters, log, onMoves } = this.#deps;
    counters.stalledMs += stalledMs;
    log.info('output moves again', { container: spec.id, stalledMs });
    onMoves();
  }

  /** Nothing is tried again. */
  close(): void {
    this.#closed = true;
    this.#stall?.end();
  }

  #begin(error: unknown): void {
    if (this.#closed || this.#stall !== undefined) return;
    const { spec, counters, log } = this.#deps;
    const where = spec.log === undefined ? '' : `; log ${spec.log}`;
    const stall = new Stall(`output waits: ${messageOf(error)}${where}`, () => this.retry());
    this.#stall = stall;
    stall.schedule();
    counters.stalls++;
    log.warn('output waits, the container may block in its writes', { container: spec.id, problem: stall.problem });
  }
}
